"""Some faults, once each, from the run's seed. All of them, many times: `make chaos`."""

import gc
from collections.abc import Iterator

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
