"""Lanes that no version needs and that still have unanswered tasks.

Looked for again and again: whatever a router does, and however late, a task that it sent there is found.
"""

import logging
import time
from collections.abc import Callable, Collection
from typing import Final

from adapters.brokers import Brokers
from adapters.topics import ends, lag
from schemas.errors import RetryLater
from schemas.names import ModelLane
from schemas.topics import TopicNames

log = logging.getLogger(__name__)

_EVERY_S: Final = 10.0
_ANSWER_S_MAX: Final = 2.0
_AT_ONCE_MAX: Final = 10


class Retired:
    """There may be thousands: one question tells which have got records since they were seen drained, and only these
    are asked about, a few at each call."""

    def __init__(self, kafka: Brokers, topics: TopicNames) -> None:
        self._kafka = kafka
        self._topics = topics
        self._due_s = float("-inf")
        self._drained: dict[ModelLane, int] = {}
        """Lane -> how many records it had ever had when all were answered."""
        self._news: list[tuple[ModelLane, int]] = []
        """Lanes that have had another number of records by now."""

    def with_tasks(self, retired: Callable[[], Collection[ModelLane]]) -> set[ModelLane]:
        """Lanes with tasks. `retired` returns the lanes to check; it is called every few seconds."""
        try:
            if not self._news and time.monotonic() >= self._due_s:
                self._due_s = time.monotonic() + _EVERY_S
                self._look(retired())
            asked, self._news = self._news[:_AT_ONCE_MAX], self._news[_AT_ONCE_MAX:]
            return {lane for lane, had in asked if not self._is_drained(lane, had)}
        except RetryLater as error:
            log.warning("%s; tasks of models that are no longer needed are looked for again", error)
            return set()

    def _look(self, lanes: Collection[ModelLane]) -> None:
        topics = {self._topics.work(*lane): lane for lane in lanes}
        had = ends(self._kafka, topics, _ANSWER_S_MAX)
        self._news = [(topics[topic], end) for topic, end in had.items() if end != self._drained.get(topics[topic], 0)]

    def _is_drained(self, lane: ModelLane, had: int) -> bool:
        topic = self._topics.work(*lane)
        if lag(self._kafka, topic, topic) > 0:
            return False
        self._drained[lane] = had
        return True
