"""The watermark: the time up to which all records were returned. Pure: end offsets and times are arguments."""

import math
from collections.abc import Iterable, Mapping

from kafka import TopicPartition


class Watermark:
    """All records published before this time were returned.

    A partition advances to the time of its last returned record. An idle partition advances to the time at which its
    end offset was requested, once it is read up to that offset. While the broker is silent, or the group rebalances, no
    partition advances.

    Args:
        places: the partitions that are read.
    """

    def __init__(self, places: Iterable[TopicPartition] = ()) -> None:
        self._marks: dict[TopicPartition, float] = dict.fromkeys(places, -math.inf)
        self._ends: dict[TopicPartition, int] = {}
        self._asked_ms = 0

    @property
    def behind(self) -> list[TopicPartition]:
        """Partitions that are not known to be read up to their requested end offset."""
        return list(self._ends)

    def given(self, place: TopicPartition, timestamp_ms: int) -> None:
        """A record was returned that was published at this time, Unix ms."""
        self._advance(place, timestamp_ms)

    def told(self, ends: Mapping[TopicPartition, int], asked_ms: int) -> None:
        """End offsets of partitions, requested at this time, Unix ms."""
        self._ends = {place: end for place, end in ends.items() if place in self._marks}
        self._asked_ms = asked_ms

    def reached(self, place: TopicPartition, position: int) -> None:
        """All records before this offset were returned."""
        if place in self._ends and position >= self._ends[place]:
            del self._ends[place]
            self._advance(place, self._asked_ms)

    def at_ms(self) -> float:
        """Unix ms, of the partition that is furthest behind."""
        return min(self._marks.values(), default=-math.inf)

    def _advance(self, place: TopicPartition, to_ms: int) -> None:
        if place in self._marks:
            self._marks[place] = max(self._marks[place], to_ms)
