"""Records of one topic, by time, to the end or as they come.

No group and no commits: whoever reads here changes nothing for anyone else.
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from kafka import TopicPartition
from kafka.errors import KafkaError

from sparring.broker import Broker

_ANSWER_MS_MAX: Final = 10_000
"""For each question to the broker, and for records that must be there."""

_POLL_MS: Final = 200
_FETCH_BYTES_MAX: Final = 1024 * 1024
"""Of each partition, ahead of its reader; a larger record comes alone."""

_CLOSE_MS_MAX: Final = 2_000


@dataclass(slots=True)
class _Partition:
    """One partition as far as it is read. records: read ahead; end: the first offset that is not wanted."""

    place: TopicPartition
    consumer: Any
    end: float
    records: deque[Any] = field(default_factory=deque)
    read: bool = False

    def take(self, records: list[Any], position: int | None) -> None:
        """Note what a poll gave, and where the next one will begin: it may lie behind a gap. None: not known now."""
        self.records.extend(record for record in records if record.offset < self.end)
        self.read = position is not None and position >= self.end


class RecordStream(Iterator[Any]):
    """The records of one topic; where reading begins and ends is settled when it is made.

    Iterate in one thread; a context manager, or call `close`. Any thread, and a signal's handler, may call `stop`.

    Args:
        broker: where the topic is.
        topic: its name.
        since: Unix milliseconds. None: from the topic's beginning, or, with follow, from now on.
        follow: False: up to the topic's end as it is now, in the order of time across partitions. True: on and on,
            as they come.

    Raises:
        ConnectionError: the topic is not there, or the broker does not answer in time; so does the iteration.
    """

    def __init__(self, broker: Broker, topic: str, since: int | None, *, follow: bool = False) -> None:
        self._broker = broker
        self._topic = topic
        self._follow = follow
        self._silent_ms = 0.0
        self._stopped = False
        self._consumers: list[Any] = []
        self._consumer = self._opened_consumer()
        try:
            with self._asking():
                self._partitions = self._opened(since)
        except BaseException:
            self.close()
            raise

    def __next__(self) -> Any:
        record = self._next_record()
        if record is None:
            raise StopIteration
        return record

    def stop(self) -> None:
        """End the iteration, within a fraction of a second."""
        self._stopped = True

    def close(self) -> None:
        """Close the connection; nothing more comes."""
        for consumer in self._consumers:
            consumer.close(autocommit=False, timeout_ms=_CLOSE_MS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self, since: int | None) -> list[_Partition]:
        numbers = self._consumer.partitions_for_topic(self._topic)
        if not numbers:
            raise ConnectionError(
                f"{self._broker.kafka} has no topic {self._topic}: start the system there, or set "
                "SPARRING_NAMESPACE to the namespace that it runs in"
            )
        places = [TopicPartition(self._topic, number) for number in sorted(numbers)]
        self._consumer.assign(places)
        ends = self._ends(places)
        begins = self._begins(ends, since)
        if self._follow:
            for place, begin in begins.items():
                self._consumer.seek(place, begin)
            return [_Partition(place, self._consumer, math.inf) for place in places]
        return [self._opened_partition(place, begins[place], ends[place]) for place in places]

    def _opened_partition(self, place: TopicPartition, begin: int, end: int) -> _Partition:
        """With a connection of its own, so that each is read no further ahead than it is wanted: a partition that
        was paused and resumed on a shared one was seen to stand still."""
        if begin >= end:
            return _Partition(place, self._consumer, end, read=True)
        consumer = self._opened_consumer()
        consumer.assign([place])
        consumer.seek(place, begin)
        return _Partition(place, consumer, end)

    def _opened_consumer(self) -> Any:
        self._consumers.append(self._broker.consumer((), _FETCH_BYTES_MAX))
        return self._consumers[-1]

    def _begins(self, ends: dict[TopicPartition, int], since: int | None) -> dict[TopicPartition, int]:
        if since is not None:
            found = self._consumer.offsets_for_times(dict.fromkeys(ends, max(0, since)), timeout_ms=_ANSWER_MS_MAX)
            # None: no record of a partition is as young as that.
            return {place: end if found.get(place) is None else found[place].offset for place, end in ends.items()}
        return ends if self._follow else dict(self._consumer.beginning_offsets(list(ends), timeout_ms=_ANSWER_MS_MAX))

    def _ends(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict(self._consumer.end_offsets(places, timeout_ms=_ANSWER_MS_MAX))

    def _next_record(self) -> Any:
        """In the order of time where everything is there already: the oldest of the partitions' next records. None
        at the end."""
        while not self._stopped:
            ahead = [one for one in self._partitions if one.records]
            open_ones = [one for one in self._partitions if not one.records and not one.read]
            if ahead and (self._follow or not open_ones):
                first = ahead[0] if self._follow else min(ahead, key=lambda one: int(one.records[0].timestamp))
                return first.records.popleft()
            if not open_ones:
                break
            self._read_ahead(open_ones)
        return None

    def _read_ahead(self, partitions: list[_Partition]) -> None:
        """One poll, of those partitions alone that have nothing read ahead: what is held stays bounded."""
        asked_s = time.monotonic()
        with self._asking():
            came = [self._poll_all(partitions)] if self._follow else [self._poll(one) for one in partitions]
            self._silent_ms = 0.0 if any(came) else self._silent_ms + (time.monotonic() - asked_s) * 1000
            if self._silent_ms > _ANSWER_MS_MAX and not all(one.read for one in partitions):
                self._ask_whether_anybody_is_there([one.place for one in partitions])

    def _poll_all(self, partitions: list[_Partition]) -> bool:
        polled = self._consumer.poll(timeout_ms=_POLL_MS)
        for one in partitions:
            one.records.extend(polled.get(one.place, []))
        return bool(polled)

    def _poll(self, one: _Partition) -> bool:
        polled = one.consumer.poll(timeout_ms=_POLL_MS)
        one.take(polled.get(one.place, []), one.consumer.position(one.place, timeout_ms=_ANSWER_MS_MAX))
        return bool(polled)

    def _ask_whether_anybody_is_there(self, places: list[TopicPartition]) -> None:
        """A client that lost its broker is as silent as a topic where nothing comes."""
        self._ends(places)
        if not self._follow:
            raise ConnectionError(f"{self._topic} on {self._broker.kafka}: no record for {_ANSWER_MS_MAX} ms")
        self._silent_ms = 0.0

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise ConnectionError(f"{self._topic} on {self._broker.kafka}: no answer: {error!r}") from error
