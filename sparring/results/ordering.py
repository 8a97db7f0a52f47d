"""Results put in the order of their frames, within a bounded window. Pure: the time is passed in.

A key's frames lie in one partition of `frames`, and each of its frames has an official result. So a result goes out
once those of all frames before it in that partition have gone out; a hole may be of any key, and is waited for.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

LANES_MAX: Final = 10_000
"""Partitions of `frames`; results name them, and anyone may write results."""


@dataclass(order=True, slots=True)
class _Held(Generic[T]):
    offset: int
    count: int
    published_ms: int = field(compare=False)
    result: T | None = field(compare=False)


@dataclass(slots=True)
class _Lane(Generic[T]):
    """One partition of `frames`. following: the offset that goes out next."""

    following: int = 0
    held: list[_Held[T]] = field(default_factory=list)


class Sequencer(Generic[T]):
    """Takes results as they arrive, returns them in the order of their frames.

    Args:
        late_ms: a missing result is skipped so long after the one behind it was published.
        window: results held at most; above it, the missing result before the oldest is skipped.
    """

    def __init__(self, late_ms: float, window: int) -> None:
        self._late_ms = late_ms
        self._window = window
        self._lanes: dict[str, _Lane[T]] = {}
        self._taken = 0
        self._held = 0

    def take(self, frame: str, published_ms: int, result: T | None) -> bool:
        """Add the result of the frame at `frame` (`topic/partition/offset`); None: an excluded one, which still fills
        its position. False where it has no order: `frame` is not such a position, or there are LANES_MAX partitions."""
        lane, _, offset = frame.rpartition("/")
        if not offset.isdecimal() or (lane not in self._lanes and len(self._lanes) >= LANES_MAX):
            return False
        self._taken += 1
        self._held += 1
        held = _Held(int(offset), self._taken, published_ms, result)
        heapq.heappush(self._lanes.setdefault(lane, _Lane()).held, held)
        return True

    def ready(self, watermark_ms: float) -> Iterator[T]:
        """Those whose turn it is, when all that was published until `watermark_ms` has been taken."""
        for lane in self._lanes.values():
            while lane.held and (
                lane.held[0].offset <= lane.following or lane.held[0].published_ms + self._late_ms < watermark_ms
            ):
                yield from self._next(lane)
        while self._held > self._window:
            yield from self._next(min((lane for lane in self._lanes.values() if lane.held), key=_oldest))

    def _next(self, lane: _Lane[T]) -> Iterator[T]:
        """The lane's first, and all that it held back: nothing is missing between them."""
        first = True
        while lane.held and (first or lane.held[0].offset <= lane.following):
            first = False
            held = heapq.heappop(lane.held)
            self._held -= 1
            lane.following = max(lane.following, held.offset + 1)
            if held.result is not None:
                yield held.result


def _oldest(lane: _Lane[T]) -> int:
    return lane.held[0].published_ms
