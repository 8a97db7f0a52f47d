"""Some faults, once each, from the run's seed. All of them, many times: `make chaos`."""

import gc
from collections.abc import Iterator
from random import Random

import pytest

from tests.chaos.arena import Arena
from tests.chaos.faults import FAULTS
from tests.chaos.grounds import one_broker
from tests.chaos.round import play

# kafka-python leaves the sockets of its attempts to reach a broker that is away to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning")

SHORT = ("model process killed", "broker told to stop", "Redis full", "champion swapped twice")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with one_broker(tmp_path_factory.mktemp("chaos")) as running:
        yield running
    del running
    gc.collect()  # here, and not in somebody else's test


@pytest.mark.parametrize("fault", SHORT)
def test_every_frame_is_accounted_for_when(ground: Arena, seed: int, fault: str) -> None:
    played = play(ground, fault, FAULTS[fault], seed)
    assert played.failure is None
    assert played.report.in_order, played.report.findings[:5]
    assert played.held, (played.frames, played.twice, played.confirmed)


def test_a_fault_that_fails_is_its_rounds_failure_and_the_frames_are_accounted_for(ground: Arena, seed: int) -> None:
    def not_there(arena: Arena, _rng: Random) -> None:
        arena.stack.process("nobody")

    played = play(ground, "nobody told to stop", not_there, seed, around=10)
    assert played.failure is not None
    assert "StackError: no process 'nobody'" in played.failure
    assert not played.held
    assert played.report.in_order, played.report.findings[:5]
    assert played.frames == played.confirmed >= 20
    assert ground.load is not None
    assert not ground.load.is_alive()
