"""Presence: the beat of a living process, once a second, on a compacted topic.

Key: the process id. Value: a beat, or null when the process left (a host writes it for a dead child).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from schemas.json_text import decode_json
from schemas.limits import PRESENCE_DEAD_S
from schemas.names import Lane

ProcessKind = Literal["router", "host", "inference", "indexer"]


class Warm(msgspec.Struct, frozen=True):
    """A pipeline version whose every step this process has loaded and run once, partitions assigned."""

    pipeline: str
    version: str


class Failed(msgspec.Struct, frozen=True):
    """A pipeline version that cannot be loaded here, and trying again gives the same: its files, settings and this
    machine are to blame, not a store that is away or a load that is slow."""

    pipeline: str
    version: str
    model: str
    """Whose lane it is: `workspace/name@version`."""
    lane: Lane
    reason: str


class Beat(msgspec.Struct, frozen=True):
    """One heartbeat of a process. memory_bytes: resident set size."""

    process: str
    """Unique per start: `<kind>-<host name>-<random>`."""
    kind: ProcessKind
    host: str
    pid: int
    started_at: int
    """Unix milliseconds."""
    catalog_offset: int
    """The next catalog offset that it will read; for a router: all that it decided before is delivered."""
    memory_bytes: int
    model: str | None = None
    """Of a model process: `workspace/name@version`."""
    lane: Lane | None = None
    warm: tuple[Warm, ...] = ()
    allow_python: bool = False
    models: tuple[str, ...] = ("*",)
    """Of a host: patterns of `workspace/name` that it serves."""
    metrics_port: int = 0
    """Where it serves /metrics, /live and /ready; 0: written by a version that had none."""
    problems: tuple[str, ...] = ()
    """What it cannot do and why, one sentence each: `deploy()` shows them."""
    failed: tuple[Failed, ...] = ()
    """Of what `catalog_offset` has asked for: `deploy()` does not wait for these. A writer that does not know the field
    says nothing, and is waited for."""


_BEAT: Final = msgspec.json.Decoder(Beat)


def encode_beat(beat: Beat) -> bytes:
    """One beat as JSON."""
    return msgspec.json.encode(beat)


def decode_beat(value: bytes) -> Beat:
    """One beat; ValueError where it is none."""
    return decode_json(_BEAT, value)


@dataclass(slots=True)
class Living:
    """The live processes, by the reader's own clock. Pure: `now_s` is the reader's monotonic time.

    Records read while catching up with the topic count from their own timestamp (`age_s`), clamped
    at 0 where the writer's clock is ahead; a record that arrives later counts from its arrival.
    """

    _beats: dict[str, tuple[Beat, float]] = field(default_factory=dict)

    def note(self, process: str, beat: Beat | None, now_s: float, age_s: float = 0.0) -> None:
        """A record of the topic: a beat, or None for a process that left."""
        if beat is None:
            self._beats.pop(process, None)
        else:
            self._beats[process] = (beat, now_s - max(0.0, age_s))

    def alive(self, now_s: float) -> Iterator[Beat]:
        """Beats seen within PRESENCE_DEAD_S."""
        for beat, seen_s in self._beats.values():
            if now_s - seen_s <= PRESENCE_DEAD_S:
                yield beat
