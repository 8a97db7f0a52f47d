"""What a replay does, settled before its first frame: enough to continue after an interruption. Pure.

`ReplayLimits`: queues and timeouts. `Pace`: how fast frames are sent. `ReplayCounts`: what became of the frames.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.limits import MIB
from schemas.pipelines import PipelineVersion
from sparring.replay.source import FrameSource

STACK: Final = "stack"
"""Below the journal's folder: models, logs and the lock of the replay's own router and host."""

OWN_PARTS_S_MAX: Final = 120.0
"""`ReplayLimits.parts_s` of an isolated replay: a slow challenger delays nothing else there."""


@dataclass(frozen=True, slots=True)
class ReplayLimits:
    """Queues and timeouts of one run."""

    frames: int = 256
    """Frames sent and not answered, at most."""
    size_bytes: int = 64 * MIB
    """Their bytes, at most; a single frame may always be sent."""
    answer_s: float = 300.0
    """Give up when no answer at all arrived for this long while official ones are due. A slow model may be started
    three times for one frame."""
    parts_s: float = 30.0
    """Go on without the challengers' answers when none arrived for this long while only those are due. Later ones are
    not in the dataset."""
    early: int = 1024
    """Answers kept that arrived before their frame's delivery report, or again after their frame was done."""
    write_s: float = 10.0
    """From one write of the dataset to the next."""


class Pace(msgspec.Struct, frozen=True):
    """How fast frames are sent. Without `fps` and `speed`: as fast as they are answered."""

    fps: float | None = None
    """Frames a second."""
    speed: float | None = None
    """A multiple of the rate at which they were produced."""

    def due_s(self, sent: int, age_ms: int) -> float:
        """Seconds after the first frame at which the next one is due. sent: frames before it; age_ms: how much later
        than the first it was produced."""
        if self.fps is not None:
            return sent / self.fps
        return 0.0 if self.speed is None else max(0, age_ms) / 1000 / self.speed


class Plan(msgspec.Struct, frozen=True):
    """What one replay does."""

    id: str
    """Part of the request ids that the replay gives."""
    created_at: int
    """Unix time in ms."""
    source: FrameSource
    version: PipelineVersion
    """The version that answers, with all its models. Its pipeline's name takes part in the routing decision."""
    live: bool
    """Send to the live pipeline of that name, whatever its version."""
    allow_python: bool
    """Whether its host runs Python steps."""
    pace: Pace
    frames: int | None
    """How many frames there are; None: not known."""
    since: int | None = None
    """Time of the first frame, Unix ms; None: not known."""


REFUSALS_MAX: Final = 10
"""Of which the reason is kept; all are counted."""


@dataclass(slots=True)
class ReplayCounts:
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
