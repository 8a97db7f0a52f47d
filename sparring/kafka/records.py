"""Records of one topic, by time, to the end or as they come.

No group and no commits: whoever reads here changes nothing for anyone else.
"""

import contextlib
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

from sparring.kafka.broker import Broker
from sparring.kafka.offsets import OffsetRange, Spans, end_offsets, first_offsets, offsets_at, places_of, spans_by_time

_ANSWER_MS_MAX: Final = 10_000
"""For each question to the broker, and for records that must be there."""

_POLL_MS: Final = 200
_FETCH_BYTES_MAX: Final = 1024 * 1024
"""Of each partition, ahead of its reader; a larger record comes alone."""

_CLOSE_MS_MAX: Final = 2_000


@dataclass(slots=True)
class _Partition:
    """One partition as far as it is read. next: the first offset that no poll has passed; records: read ahead; end: the
    first offset that is not wanted."""

    place: TopicPartition
    consumer: Any
    next: int
    end: float
    records: deque[Any] = field(default_factory=deque)
    read: bool = False

    def take(self, records: list[Any], position: int | None) -> range:
        """Note what a poll gave, and where the next one will begin: it may lie behind a gap. None: not known now.
        Returns the wanted offsets that it passed over before its first record."""
        self.records.extend(record for record in records if record.offset < self.end)
        self.read = position is not None and position >= self.end
        begin = self.next
        self.next = max(begin, position or 0)
        return range(begin, int(min(records[0].offset if records else self.next, self.end)))


class RecordStream(Iterator[Any]):
    """The records of one topic, or of `spans`; where reading begins and ends is settled when it is made.

    Iterate in one thread; a context manager, or call `close`. Any thread, and a signal's handler, may call `stop`.
    OtherProcessError where another process reads on.

    Args:
        broker: where the topic is.
        topic: its name.
        since: Unix milliseconds. None: from the topic's beginning, or, with follow, from now on.
        until: Unix milliseconds: each partition ends before its first record that is as young. None: at its end as
            it is now.
        follow: False: in the order of time across partitions. True: on and on, as they come, and until is without
            meaning.
        spans: what to read instead, of any topics and offsets; since and until are without meaning then.

    Raises:
        ConnectionError: the topic is not there, or the broker does not answer in time; so does the iteration.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        since: int | None = None,
        until: int | None = None,
        *,
        follow: bool = False,
        spans: Spans | None = None,
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._follow = follow
        self._silent_ms = 0.0
        self._stopped = False
        self._gone: list[tuple[TopicPartition, range]] = []
        self._consumers: list[Any] = []
        self._consumer = self._opened_consumer()
        try:
            with self._asking():
                self._partitions = self._opened(self._by_time(since, until) if spans is None else spans)
        except BaseException:
            self.close()
            raise

    def __next__(self) -> Any:
        while not self.ended:
            if (record := self.next_record()) is not None:
                return record
        raise StopIteration

    @property
    def ended(self) -> bool:
        """Whether nothing more comes: all is read, or it was stopped."""
        return self._stopped or all(one.read and not one.records for one in self._partitions)

    def next_record(self) -> Any:
        """The next record; None where one look at the broker, a fraction of a second, brought none."""
        self._broker.owner.check()
        record = self._held()
        if record is None and not self.ended:
            self._read_ahead([one for one in self._partitions if not one.records and not one.read])
            record = self._held()
        return record

    def drain_expired(self) -> list[tuple[TopicPartition, range]]:
        """Offset ranges deleted by retention since the last call. Call it after each record and at the end: a range is
        returned before any record behind it. Without `follow` only."""
        gone, self._gone = self._gone, []
        return gone

    def stop(self) -> None:
        """End the iteration, within a fraction of a second."""
        self._stopped = True

    def close(self) -> None:
        """Close the connection; nothing more comes."""
        self._stopped = True
        if not self._broker.owner.is_here:
            return
        for consumer in self._consumers:
            consumer.close(autocommit=False, timeout_ms=_CLOSE_MS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _by_time(self, since: int | None, until: int | None) -> Spans:
        places = places_of(self._consumer, self._topic)
        if not places:
            raise ConnectionError(
                f"{self._broker.kafka} has no topic {self._topic}: start the system there, or set "
                "SPARRING_NAMESPACE to the namespace that it runs in"
            )
        return spans_by_time(self._consumer, places, since, until, follow=self._follow)

    def _opened(self, spans: Spans) -> list[_Partition]:
        if not self._follow:
            return [self._opened_partition(place, span) for place, span in spans.items()]
        self._consumer.assign(list(spans))
        for place, span in spans.items():
            self._consumer.seek(place, span.begin)
        return [_Partition(place, self._consumer, span.begin, span.end) for place, span in spans.items()]

    def _opened_partition(self, place: TopicPartition, span: OffsetRange) -> _Partition:
        """Open a partition on a connection of its own, which bounds how far it is read ahead: on a shared connection, a
        partition that was paused and resumed stopped for ever."""
        if span.begin >= span.end:
            return _Partition(place, self._consumer, span.begin, span.end, read=True)
        consumer = self._opened_consumer()
        consumer.assign([place])
        consumer.seek(place, span.begin)
        return _Partition(place, consumer, span.begin, span.end)

    def _opened_consumer(self) -> Any:
        self._consumers.append(self._broker.consumer((), _FETCH_BYTES_MAX))
        return self._consumers[-1]

    def _held(self) -> Any:
        """In the order of time where everything is there already: the oldest of the partitions' next records. None
        where more must be read first, and at the end."""
        ahead = [one for one in self._partitions if one.records]
        if not ahead or not (self._follow or all(one.records or one.read for one in self._partitions)):
            return None
        first = ahead[0] if self._follow else min(ahead, key=lambda one: int(one.records[0].timestamp))
        return first.records.popleft()

    def _read_ahead(self, partitions: list[_Partition]) -> None:
        """One poll, of those partitions alone that have nothing read ahead: what is held stays bounded."""
        asked_s = time.monotonic()
        with self._asking():
            came = [self._poll_all(partitions)] if self._follow else [self._poll(one) for one in partitions]
            self._silent_ms = 0.0 if any(came) else self._silent_ms + (time.monotonic() - asked_s) * 1000
            if self._silent_ms > _ANSWER_MS_MAX and not all(one.read for one in partitions):
                self._check_broker_answers([one.place for one in partitions])

    def _poll_all(self, partitions: list[_Partition]) -> bool:
        polled = self._consumer.poll(timeout_ms=_POLL_MS)
        for one in partitions:
            position = None if math.isinf(one.end) else self._consumer.position(one.place, timeout_ms=_ANSWER_MS_MAX)
            one.take(polled.get(one.place, []), position)
        return bool(polled)

    def _poll(self, one: _Partition) -> bool:
        """Whether reading got further: aborted records and the markers of transactions are passed without a record."""
        begin = one.next
        polled = one.consumer.poll(timeout_ms=_POLL_MS)
        position = one.consumer.position(one.place, timeout_ms=_ANSWER_MS_MAX)
        if passed := one.take(polled.get(one.place, []), position):
            first = first_offsets(self._consumer, [one.place])[one.place]
            if gone := range(passed.start, min(first, passed.stop)):
                self._gone.append((one.place, gone))
        return one.next > begin

    def _check_broker_answers(self, places: list[TopicPartition]) -> None:
        """Request the end offsets: a lost broker looks like an idle topic."""
        end_offsets(self._consumer, places)
        if not self._follow:
            raise ConnectionError(f"{self._topic} on {self._broker.kafka}: no record for {_ANSWER_MS_MAX} ms")
        self._silent_ms = 0.0

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise ConnectionError(f"{self._topic} on {self._broker.kafka}: no answer: {error!r}") from error


def truncated_partitions(broker: Broker, topic: str, since: int) -> list[int]:
    """Those whose first records were removed, and what is left is from after `since`, Unix milliseconds: what they
    held of that time may be gone.

    Raises:
        ConnectionError: the broker does not answer.
    """
    with contextlib.closing(broker.consumer(())) as consumer:
        try:
            ends = end_offsets(consumer, places_of(consumer, topic))
            firsts, begins = first_offsets(consumer, ends), offsets_at(consumer, ends, since)
        except KafkaError as error:
            raise ConnectionError(f"{topic} on {broker.kafka}: no answer: {error!r}") from error
    return sorted(place.partition for place, first in firsts.items() if 0 < first == begins[place])
