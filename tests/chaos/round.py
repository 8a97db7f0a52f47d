"""One round: load, one fault in the middle of it, the account."""

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from adapters.clock import now_ms
from schemas.errors import RetryLater
from sparring.ledger.account import Report
from tests.chaos.arena import Arena, Load
from tests.chaos.faults import Fault


@dataclass(frozen=True)
class Round:
    """What one round came to. silence_s: the longest time without an answer; settled_s: from the end of the load
    until all was accounted for; frames: on their topic, `twice` of them a second time."""

    fault: str
    seed: int
    frames: int
    confirmed: int
    report: Report
    silence_s: float
    settled_s: float
    twice: int = 0
    failure: str | None = None
    """What the fault itself waited for in vain."""

    @property
    def held(self) -> bool:
        """Whether every frame that Kafka took is accounted for."""
        return self.failure is None and self.report.in_order and self.frames - self.twice == self.confirmed


def play(
    arena: Arena,
    name: str,
    fault: Fault,
    seed: int,
    *,
    per_second: float = 40.0,
    around: int = 60,
    keep_in: Path | None = None,
) -> Round:
    """Load, the fault after some frames at a random moment, some more frames, and the account.

    keep_in: where a round that did not hold leaves its logs and answers.
    """
    rng = Random(seed)
    since, beside = now_ms(), arena.beside
    load = Load(arena, per_second, seed)
    load.start()
    load.wait_for_more(around + rng.randrange(around))
    failure = None
    try:
        fault(arena, rng)
    except AssertionError as error:
        failure = str(error)  # the account is asked all the same
    load.wait_for_more(around)
    confirmed = load.halt() + arena.beside - beside
    ended = time.monotonic()
    twice, silence_s = 0, 0.0
    try:
        report = arena.settled(since)
        twice = arena.frames_twice(since)
        silence_s = arena.longest_silence_s(since)
    except (ConnectionError, RetryLater) as error:
        report, failure = Report(), f"no account: {error}"
    done = Round(
        name,
        seed,
        report.counts["frames"],
        confirmed,
        report,
        silence_s,
        time.monotonic() - ended,
        twice,
        failure,
    )
    if keep_in is not None and not done.held:
        arena.keep(keep_in, since)
    return done
