"""One round: load, one fault in the middle of it, the account."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from adapters.clock import now_ms
from sparring.ledger.account import LedgerReport
from tests.chaos.arena import Arena, Load, longest_silence_s, overdue
from tests.chaos.faults import Fault


@dataclass(frozen=True)
class Round:
    """What one round came to. silence_s: the longest time without an answer; settled_s: from the end of the load
    until all was accounted for; frames: on their topic, `twice` of them a second time."""

    fault: str
    seed: int
    frames: int
    confirmed: int
    report: LedgerReport
    silence_s: float
    settled_s: float
    twice: int = 0
    failure: str | None = None
    """What went wrong beside the account: what the fault waited for in vain, what Kafka did not take."""

    @property
    def expired(self) -> int:
        """Frames that were answered so, because a part of the system was away."""
        return self.report.counts["answered expired"]

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
    failures: list[str] = []
    load = arena.load = Load(arena, per_second, seed)
    load.start()
    try:
        with _noted(failures):
            load.wait_for_more(around + rng.randrange(around))
            fault(arena, rng)
        with _noted(failures):  # the account is asked all the same
            load.wait_for_more(around)
    finally:
        load.halt()
    failures += load.failures()
    confirmed = load.confirmed + arena.beside - beside
    ended = time.monotonic()
    report, twice, silence_s = LedgerReport(), 0, 0.0
    with _noted(failures, "no account: "):
        report = arena.settled(since)
        twice = arena.frames_twice(since)
        answers = arena.answers(since)
        silence_s = longest_silence_s(answers)
        failures += [f"{one} was answered long after it had expired" for one in overdue(answers)[:3]]
    done = Round(
        name,
        seed,
        report.counts["frames"],
        confirmed,
        report,
        silence_s,
        time.monotonic() - ended,
        twice,
        "; ".join(failures) or None,
    )
    if keep_in is not None and not done.held:
        arena.keep(keep_in, since)
    return done


@contextmanager
def _noted(failures: list[str], what: str = "") -> Iterator[None]:
    """Whatever goes wrong in the block is the round's failure: hours of other rounds go on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (as the docstring says)
        failures.append(f"{what}{type(error).__name__}: {error}")
