"""What breaks where Kafka denies something: a topic may not be written, or not be read, for a while."""

from random import Random
from typing import Final

from confluent_kafka.admin import AclOperation

from adapters.clock import now_ms
from tests.chaos.arena import Arena
from tests.chaos.denied import denied
from tests.chaos.faults import AWAY_S, Fault, pause
from tests.waiting import eventually

RESULTS_AWAY_S: Final = 25.0
"""A model process ends four times in it."""

_SEEN_S_MAX: Final = 90.0


def challenger_not_written(arena: Arena, _rng: Random) -> None:
    """The router may not write a challenger's tasks: each is recorded as shed, and the champion answers."""
    since = now_ms()
    with denied(arena.stack.kafka, arena.work_topic(arena.challenger, "shadow"), AclOperation.WRITE):
        _wait_for(arena, since, "shadows shed")
    _wait_for(arena, now_ms(), "shadows ok")


def challenger_not_read(arena: Arena, _rng: Random) -> None:
    """A challenger's process may not read its tasks: they wait, and the champion answers."""
    with denied(arena.stack.kafka, arena.work_topic(arena.challenger, "shadow"), AclOperation.READ):
        pause(AWAY_S)
    _wait_for(arena, now_ms(), "shadows ok")


def champion_not_written(arena: Arena, _rng: Random) -> None:
    """The router may not write a model's official tasks: each of its frames ends as an error with a dead letter."""
    since = now_ms()
    with denied(arena.stack.kafka, arena.work_topic(arena.step, "official"), AclOperation.WRITE):
        _wait_for(arena, since, "answered error")
        _wait_for(arena, now_ms(), "answered ok")


def champion_not_read(arena: Arena, _rng: Random) -> None:
    """A model's process may not read its tasks: its frames wait, those of other models are answered."""
    with denied(arena.stack.kafka, arena.work_topic(arena.step, "official"), AclOperation.READ):
        pause(AWAY_S)
        _wait_for(arena, now_ms(), "answered ok")


def results_not_written(arena: Arena, _rng: Random) -> None:
    """Nobody may answer for a while: processes end and start again, and no frame is blamed for that."""
    since, results = now_ms(), arena.client._connection.topics.results  # noqa: SLF001 (what the command line opens)
    with denied(arena.stack.kafka, results, AclOperation.WRITE):
        pause(RESULTS_AWAY_S)
    _wait_for(arena, now_ms(), "answered ok")
    blamed = arena.verify(since).counts["answered error: TooManyAttempts"]
    assert not blamed, f"{blamed} frames are blamed for what was denied"


def _wait_for(arena: Arena, since: int, count: str) -> None:
    eventually(lambda: arena.verify(since).counts[count], _SEEN_S_MAX, f"some {count}")


RULE_FAULTS: Final[dict[str, Fault]] = {
    "challenger's topic not to be written": challenger_not_written,
    "challenger's topic not to be read": challenger_not_read,
    "model's topic not to be written": champion_not_written,
    "model's topic not to be read": champion_not_read,
    "results not to be written": results_not_written,
}
