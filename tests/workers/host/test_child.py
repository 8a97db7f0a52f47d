"""What a host counts of its processes' ends: a signal that ends one again and again while it loads is no accident."""

import os
import signal
from collections.abc import Iterator

import pytest

from schemas.names import PipelineName
from tests.nouns import pinned
from tests.waiting import eventually
from workers.host.child import Child

SHOP = PipelineName("default", "shop")


@pytest.fixture
def child() -> Iterator[Child]:
    running = Child(pinned("m").key, "official", "127.0.0.1:0")
    yield running
    running.end()
    eventually(running.ended, 60, "the process to end")


def started(child: Child) -> int | None:
    child.start()
    return child.pid


def end_by(child: Child, number: signal.Signals) -> None:
    eventually(lambda: started(child), 60, "its next start")
    assert child.pid is not None
    os.kill(child.pid, number)
    eventually(child.died, 60, "its death to be seen")


def test_ends_by_a_signal_are_counted_until_somebody_else_wants_it(child: Child) -> None:
    offer = frozenset({(SHOP, "v1", 1000)})
    child.requested_by(offer)
    end_by(child, signal.SIGSEGV)
    end_by(child, signal.SIGABRT)
    assert child.crashes == 2
    child.requested_by(offer)
    assert child.crashes == 2
    child.requested_by(frozenset())
    assert child.crashes == 2, "an offer that is over asks for nothing new"
    child.requested_by(frozenset({(SHOP, "v1", 2000)}))
    assert child.crashes == 0
    assert started(child) is not None, "another offer waits for no back-off"


def test_an_end_with_an_error_of_its_own_is_no_crash(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    end_by(child, signal.SIGSEGV)
    monkeypatch.setenv("SPARRING_KAFKA", "")  # it ends: nothing to connect to
    eventually(lambda: started(child), 60, "its next start")
    eventually(child.died, 60, "its death to be seen")
    assert child.crashes == 0
