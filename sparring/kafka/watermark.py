"""How far the partitions were read, in time. Pure: what the broker says, and when, is passed in."""

import math
from collections.abc import Iterable, Mapping

from kafka import TopicPartition


class Watermark:
    """What was published before it has been given.

    A partition is as far as its last record that was given. One where nothing comes goes on only by what the broker
    says: once it has been read to where it ended, as far as when that was asked. A broker that is silent, or a group
    that is being divided, tells nothing, and nothing goes on.

    Args:
        places: the partitions that are read.
    """

    def __init__(self, places: Iterable[TopicPartition] = ()) -> None:
        self._marks: dict[TopicPartition, float] = dict.fromkeys(places, -math.inf)
        self._ends: dict[TopicPartition, int] = {}
        self._asked_ms = 0

    @property
    def behind(self) -> list[TopicPartition]:
        """Partitions of which it is not known yet whether they were read to where they ended when that was asked."""
        return list(self._ends)

    def given(self, place: TopicPartition, timestamp_ms: int) -> None:
        """A record was given, published at this time (Unix ms)."""
        self._advance(place, timestamp_ms)

    def told(self, ends: Mapping[TopicPartition, int], asked_ms: int) -> None:
        """Where partitions end, as asked at this time (Unix ms)."""
        self._ends = {place: end for place, end in ends.items() if place in self._marks}
        self._asked_ms = asked_ms

    def reached(self, place: TopicPartition, position: int) -> None:
        """All before this offset was given."""
        if place in self._ends and position >= self._ends[place]:
            del self._ends[place]
            self._advance(place, self._asked_ms)

    def at_ms(self) -> float:
        """Unix ms, of the partition that is furthest behind."""
        return min(self._marks.values(), default=-math.inf)

    def _advance(self, place: TopicPartition, to_ms: int) -> None:
        if place in self._marks:
            self._marks[place] = max(self._marks[place], to_ms)
