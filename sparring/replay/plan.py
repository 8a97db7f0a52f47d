"""What a replay does, settled before its first frame: enough to go on after an interruption. Pure."""

import msgspec

from schemas.pipelines import PipelineVersion
from sparring.replay.source import Source


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
