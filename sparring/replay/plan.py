"""What became of a replay's frames, in numbers.

How much of a replay is under way, and how long it waits, in one table.

What a replay does, settled before its first frame: enough to go on after an interruption. Pure.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.limits import MIB
from schemas.pipelines import PipelineVersion
from sparring.replay.source import Source

OWN_PARTS_S_MAX: Final = 120.0
"""`Limits.parts_s` of a replay with a router and a host of its own: a challenger that is slow, or steps back behind the
champion, keeps nobody else waiting."""


@dataclass(frozen=True, slots=True)
class Limits:
    """frames, size_bytes: sent and not yet answered: what the replay's own queues hold; a single frame may always go.

    answer_s: without any answer, while official ones are due; a model may take its time, and be started three times for
    one frame. parts_s: without any challenger's answer, while only such are due; those that come later are not in the
    dataset. early: places of answers that came before their frame's delivery was reported, or again when it was done.
    write_s: from one writing to the next.
    """

    frames: int = 256
    size_bytes: int = 64 * MIB
    answer_s: float = 300.0
    parts_s: float = 30.0
    early: int = 1024
    write_s: float = 10.0


class Pace(msgspec.Struct, frozen=True):
    """How fast. fps: frames a second; speed: times the rhythm in which they were produced. Neither: as fast as they
    are answered."""

    fps: float | None = None
    speed: float | None = None

    def due_s(self, sent: int, age_ms: int) -> float:
        """Seconds after the first frame at which the next one is due. sent: frames before it; age_ms: how much later
        than the first it was produced."""
        if self.fps is not None:
            return sent / self.fps
        return 0.0 if self.speed is None else max(0, age_ms) / 1000 / self.speed


class Plan(msgspec.Struct, frozen=True):
    """id: of this replay, part of the request ids that it gives. version: what answers, with all its models; its
    pipeline's name decides as it did. live: to the live pipeline of that name, whatever its version. frames: how many
    there are; None: not known. since: the time of the first, Unix milliseconds; None: not known."""

    id: str
    created_at: int
    source: Source
    version: PipelineVersion
    live: bool
    allow_python: bool
    pace: Pace
    frames: int | None
    since: int | None = None


REFUSALS_MAX: Final = 10
"""Of which the reason is kept; all are counted."""


@dataclass(slots=True)
class Counts:
    """Of this run.

    frames: of all runs together where it is known; at most: where other pipelines' frames may be among them. passed:
    of these, how many are read, `passed_before` of them before the first was sent. skipped: done by a run before.
    refused: cannot be read, or not be sent. late: challengers' answers that were not waited for; shed: those that say
    that the challenger did not do it.
    """

    frames: int | None = None
    at_most: bool = False
    passed: int = 0
    passed_before: int = 0
    skipped: int = 0
    sent: int = 0
    answered: int = 0
    refused: int = 0
    late: int = 0
    shed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Frames that need nothing more, of all runs."""
        return self.skipped + self.answered + self.refused

    @property
    def under_way(self) -> int:
        """Frames that were sent and have not all their answers."""
        return self.sent - self.answered

    def refuse(self, why: str) -> None:
        """One more frame cannot be sent."""
        self.refused += 1
        if len(self.refusals) < REFUSALS_MAX:
            self.refusals.append(why)
