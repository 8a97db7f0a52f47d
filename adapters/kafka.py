"""Kafka for the services: an Inbox reads and commits, an Outbox sends and confirms.

Every setting that matters is explicit: the clients' defaults lose records above 1 MiB, hold a dead
member's partitions for 45 s and wait 5 ms before each send.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from adapters.brokers import Brokers
from schemas.errors import RetryLater, SparringError
from schemas.frames import RawHeaders
from schemas.limits import (
    DELIVERY_S_MAX,
    PREFETCH_KIB_MAX,
    PRODUCER_QUEUE_KIB_MAX,
    SESSION_TIMEOUT_MS,
)
from schemas.topics import RECORD_BYTES_MAX

log = logging.getLogger(__name__)

Place = tuple[str, int]
"""Topic and partition."""

_REQUEST_S: Final = 10.0
_KNOW_S_MAX: Final = 2.0
_COMMIT_PATIENCE_S: Final = 1.0
_COMMIT_S_MAX: Final = 6.0
_COMMIT_POLL_S: Final = 0.1
_COMMITS_MAX: Final = 4
"""That wait for an answer at one time: librdkafka may never give one."""
_COMMIT_SILENCE_S_MAX: Final = 300.0
_AHEAD_MAX: Final = 100
"""Records of partitions that come while a commit is waited for."""
_AGAIN_AFTER_S: Final = 0.05
_MOVING: Final = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
"""What a broker says while a partition's leader is chosen: of a topic just made, or after a broker was lost."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read. timestamp: Unix milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def place(self) -> Place:
        """Topic and partition."""
        return (self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Committed:
    """What the group committed for a partition. offset None: nothing yet."""

    offset: int | None
    metadata: str


def _quiet(error: KafkaError) -> None:
    log.warning("kafka: %s", error.str())


def consumer_config(kafka: Brokers, group: str) -> dict[str, Any]:
    """The settings of every consumer of the services."""
    return {
        **kafka.librdkafka(),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": SESSION_TIMEOUT_MS,
        "heartbeat.interval.ms": SESSION_TIMEOUT_MS // 4,
        "allow.auto.create.topics": False,
        "queued.max.messages.kbytes": PREFETCH_KIB_MAX,
        "queued.min.messages": 1000,
        # With the default of 1,000 ms a full prefetch queue stalls its reader for a second.
        "fetch.queue.backoff.ms": 5,
        "fetch.error.backoff.ms": 100,
        "max.partition.fetch.bytes": RECORD_BYTES_MAX,
        "fetch.max.bytes": 2 * RECORD_BYTES_MAX,
        "receive.message.max.bytes": 3 * RECORD_BYTES_MAX,
        "topic.metadata.refresh.interval.ms": 3_000,
        "reconnect.backoff.max.ms": 1_000,
        "error_cb": _quiet,
    }


def producer_config(kafka: Brokers, delivery_ms: int, idempotent: bool) -> dict[str, Any]:
    """The settings of every producer of the services."""
    return {
        **kafka.librdkafka(),
        "enable.idempotence": idempotent,
        "acks": "all",
        # librdkafka's default of 5 ms would be added to every hop.
        "linger.ms": 0,
        "partitioner": "murmur2_random",
        # By default a topic that does not exist is hoped for as long as a delivery may take.
        "topic.metadata.propagation.max.ms": 5_000,
        "message.max.bytes": RECORD_BYTES_MAX,
        "queue.buffering.max.kbytes": PRODUCER_QUEUE_KIB_MAX,
        "delivery.timeout.ms": delivery_ms,
        "reconnect.backoff.max.ms": 1_000,
        "error_cb": _quiet,
    }


class Inbox:
    """Reads topics as a member of a group. Nothing is committed but by `commit`.

    on_assign gets each newly assigned partition's committed offset and metadata before its first
    record is read; on_revoke is called while commits for the partitions are still accepted, on_lost
    when they are not. All run inside `read`, `close`, or a `commit` that waits long for its answer.
    """

    def __init__(
        self,
        kafka: Brokers,
        group: str,
        topics: Iterable[str],
        on_assign: Callable[[Mapping[Place, Committed]], None] | None = None,
        on_revoke: Callable[[set[Place]], None] | None = None,
        on_lost: Callable[[set[Place]], None] | None = None,
    ) -> None:
        self._consumer = Consumer(consumer_config(kafka, group), logger=log)
        self._on_assign = on_assign
        self._on_revoke = on_revoke
        self._on_lost = on_lost
        self.assigned: set[Place] = set()
        self._begun: dict[Place, int] = {}
        """Where reading a partition began: until its first record its position is unknown."""
        self.joined = False
        """Whether the group has given this member its share, be it none."""
        self._ahead: list[Record] = []
        """Records that came while a commit waited; of assigned partitions only."""
        self._turns: dict[Place, int] = {}
        self._turns_given = 0
        self._unanswered: list[tuple[float, Future[list[TopicPartition]]]] = []
        """Commits under way, and when each began."""
        self._rebalancing = False
        self._consumer.subscribe(list(topics), on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lost)

    def read(self, records_max: int, wait_s: float) -> list[Record]:
        """Up to `records_max` records; waits at most `wait_s` for the first, never for the others."""
        if self._ahead:
            records, self._ahead = self._ahead[:records_max], self._ahead[records_max:]
            return records
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        rest = self._consumer.consume(records_max - 1, timeout=0) if records_max > 1 else []
        records = [record for message in (first, *rest) if (record := _record(message)) is not None]
        # A rebalance between two of them may have given their partition away.
        return [record for record in records if record.place in self.assigned]

    def commit(self, offsets: Mapping[Place, int], metadata: str = "") -> None:
        """Commit the next offset to read of each partition. RetryLater where the group moved on:
        whoever has the partition now reads these records again."""
        places = [
            TopicPartition(*place, offset, metadata) for place, offset in offsets.items() if place in self.assigned
        ]
        if not places:
            return
        answer = self._answer(places)
        try:
            committed = answer.result(0.0)
        except KafkaException as error:
            raise RetryLater(f"commit of {dict(offsets)}: {error.args[0].str()}") from error
        except TimeoutError:
            raise RetryLater(f"commit of {dict(offsets)}: no answer in {_COMMIT_S_MAX:g} s") from None
        if failed := [place for place in committed if place.error is not None]:
            raise RetryLater(f"commit of {dict(offsets)}: {failed[0].error}")

    def turn(self, place: Place) -> int | None:
        """Which assignment of the partition this is: another number each time it comes; None where it is not ours."""
        return self._turns[place] if place in self.assigned else None

    def _answer(self, places: list[TopicPartition]) -> "Future[list[TopicPartition]]":
        """Librdkafka's commit has no deadline, and one that is under way while the broker goes away may wait for a
        rebalance, which waits to be polled for: so it runs beside us, and after a while we poll. Within a rebalance
        it is called as it is: while a consumer closes, a commit of another thread is never answered.
        What a rebalance raises comes out of here as it is, as it does out of `read`."""
        if self._rebalancing:
            return _ended(lambda: self._commit(places))
        self._unanswered = [one for one in self._unanswered if not one[1].done()]
        if len(self._unanswered) >= _COMMITS_MAX:
            if time.monotonic() - self._unanswered[0][0] > _COMMIT_SILENCE_S_MAX:
                raise SparringError(f"commits had no answer for {_COMMIT_SILENCE_S_MAX:g} s")
            self._poll_until(self._unanswered[0][1], _COMMIT_S_MAX)
            raise RetryLater(f"{_COMMITS_MAX} commits have no answer yet")
        answer = _started(lambda: self._commit(places))
        self._unanswered.append((time.monotonic(), answer))
        with suppress(TimeoutError, KafkaException):
            answer.result(_COMMIT_PATIENCE_S)
        self._poll_until(answer, _COMMIT_S_MAX - _COMMIT_PATIENCE_S)
        return answer

    def _poll_until(self, answer: "Future[list[TopicPartition]]", within_s: float) -> None:
        """Serve rebalances while the answer is awaited. Partitions stand still meanwhile: what is read now waits in
        memory, and is not to be more than what was read already."""
        if answer.done():
            return
        paused = [TopicPartition(*place) for place in self.assigned]
        self._consumer.pause(paused)
        deadline_s = time.monotonic() + within_s
        while not answer.done() and time.monotonic() < deadline_s and len(self._ahead) < _AHEAD_MAX:
            message = self._consumer.poll(_COMMIT_POLL_S)
            if message is not None and (record := _record(message)) is not None:
                self._ahead.append(record)
        self._consumer.resume([place for place in paused if (place.topic, place.partition) in self.assigned])

    def _commit(self, places: list[TopicPartition]) -> list[TopicPartition]:
        committed: list[TopicPartition] = self._consumer.commit(offsets=places, asynchronous=False)
        return committed

    def lag(self) -> int:
        """Records in the assigned partitions that are not read yet, as far as the last fetch has seen."""
        behind = 0
        try:
            for place in self._consumer.position([TopicPartition(*place) for place in self.assigned]):
                low, high = self._consumer.get_watermark_offsets(place, cached=True)
                begun = max(low, self._begun.get((place.topic, place.partition), 0))
                behind += max(0, high - (place.offset if place.offset >= 0 else begun))
        except KafkaException as error:
            log.warning("lag: %s", error.args[0].str())
        return behind

    def close(self) -> None:
        """Leave the group, so that others take the partitions at once."""
        self._consumer.close()

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        committed = consumer.committed(places, timeout=_REQUEST_S) if places else []
        for place in places:
            self._turns_given += 1
            self._turns[place.topic, place.partition] = self._turns_given
        self.assigned |= {(place.topic, place.partition) for place in places}
        self.joined = True
        found = {}
        for place in committed:
            known = place.offset != OFFSET_INVALID and place.offset >= 0
            self._begun[place.topic, place.partition] = place.offset if known else 0
            found[place.topic, place.partition] = Committed(place.offset if known else None, place.metadata or "")
            if known:
                self._say_what_is_lost(consumer, place)
        if self._on_assign is not None:
            self._on_assign(found)
        consumer.incremental_assign(
            [TopicPartition(t, p, *(() if c.offset is None else (c.offset,))) for (t, p), c in found.items()]
        )
        # A commit that waits pauses what is assigned; whatever was lost meanwhile comes back paused.
        consumer.resume([TopicPartition(*place) for place in found])

    def _say_what_is_lost(self, consumer: Consumer, place: TopicPartition) -> None:
        low, high = consumer.get_watermark_offsets(TopicPartition(place.topic, place.partition), timeout=_REQUEST_S)
        if place.offset < low or place.offset > high:
            log.error(
                "committed offset %d of %s/%d is outside what the topic holds (%d to %d): records were "
                "removed before they were read",
                *(place.offset, place.topic, place.partition, low, high),
            )

    def _revoke(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        gone = {(place.topic, place.partition) for place in places}
        self._rebalancing = True
        try:
            if self._on_revoke is not None:
                self._on_revoke(gone)
        finally:
            self._rebalancing = False
        self._forget(gone)
        consumer.incremental_unassign(places)

    def _lost(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        # Others have the partitions already: nothing can be committed, they do the work again.
        gone = {(place.topic, place.partition) for place in places}
        self._forget(gone)
        self.joined = False
        if self._on_lost is not None:
            self._on_lost(gone)
        log.warning("lost %s to other members of the group", [f"{p.topic}/{p.partition}" for p in places])

    def _forget(self, gone: set[Place]) -> None:
        self.assigned -= gone
        self._ahead = [record for record in self._ahead if record.place not in gone]


T = TypeVar("T")


def _ended(call: Callable[[], T]) -> "Future[T]":
    """The call, made at once."""
    outcome: Future[T] = Future()
    try:
        outcome.set_result(call())
    except KafkaException as error:
        outcome.set_exception(error)
    return outcome


def _started(call: Callable[[], T]) -> "Future[T]":
    """The call, running in a thread of its own, which does not keep the process from ending."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001  # raised again by whoever asks for the result
            outcome.set_exception(error)

    threading.Thread(target=run, name="commit", daemon=True).start()
    return outcome


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Why a record was not delivered. permanent: it never can be (no such topic, too large, not allowed)."""

    reason: str
    permanent: bool

    def __str__(self) -> str:
        return self.reason


_PERMANENT: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  # how confluent-kafka spells librdkafka's own codes
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)

OnDelivery = Callable[[DeliveryError | None], None]


class Outbox:
    """Sends records and knows which are confirmed. Thread-safe, as librdkafka's producer is.

    A record that the broker did not take in `delivery_ms` makes `flush` and `check` raise, unless
    its sender gave `on_delivery` and so deals with it. Close by `flush`.
    idempotent False and queue_wait_s 0: for shadows, which are rather lost (and recorded as shed)
    than waited for.
    """

    def __init__(
        self,
        kafka: Brokers,
        delivery_ms: int = int(DELIVERY_S_MAX * 1000),
        idempotent: bool = True,
        queue_wait_s: float = DELIVERY_S_MAX,
    ) -> None:
        self._producer = Producer(producer_config(kafka, delivery_ms, idempotent), logger=log)
        self._queue_wait_s = queue_wait_s
        self._failure: str | None = None
        self._known: set[str] = set()

    def know(self, topic: str) -> None:
        """Ask where a topic lies, before its first record: librdkafka lets that one wait for half a second."""
        if topic in self._known:
            return
        try:
            found = self._producer.list_topics(topic, timeout=_KNOW_S_MAX).topics[topic]
        except KafkaException as error:
            log.warning("%s: %s", topic, error.args[0].str())  # its first record asks again
            return
        if found.error is None:
            self._known.add(topic)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: RawHeaders,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Hand one record to the producer; waits `queue_wait_s` where its queue is full.

        on_delivery(None) means confirmed, else it says what failed. It is called from `poll` or
        `flush`, or from here where the record cannot even be queued.
        """

        def settle(error: DeliveryError | None) -> None:
            if on_delivery is not None:
                on_delivery(error)
            elif error is not None:
                self._failure = f"{topic}: {error}"

        def delivered(error: KafkaError | None, _message: Message) -> None:
            settle(None if error is None else DeliveryError(error.str(), error.code() in _PERMANENT))

        deadline_s = time.monotonic() + self._queue_wait_s
        while True:
            try:
                # A list of its own: confluent-kafka's type of headers is wider, and lists are invariant.
                self._producer.produce(topic, value, key, headers=list(headers), on_delivery=delivered)
                return None
            except BufferError:
                if time.monotonic() >= deadline_s:
                    return settle(DeliveryError("the producer's queue is full", permanent=False))
                self._producer.poll(0.05)
            except KafkaException as error:
                return delivered(error.args[0], error.args[0])

    def poll(self, wait_s: float = 0.0) -> int:
        """Serve delivery reports; returns how many were."""
        return int(self._producer.poll(wait_s))

    def check(self) -> None:
        """RetryLater where a record was not delivered: the process ends, and its work is done again."""
        if self._failure is not None:
            raise RetryLater(f"not delivered to {self._failure}")

    def flush(self, within_s: float = DELIVERY_S_MAX + 5.0) -> None:
        """Wait until every record is confirmed. RetryLater where one is not."""
        left = self._producer.flush(within_s)
        self.check()
        if left:
            raise RetryLater(f"{left} records are not confirmed after {within_s} s")

    def drain(self, within_s: float) -> None:
        """Wait until every record is confirmed or failed; what is left after that stays unsettled."""
        self._producer.flush(within_s)

    def __len__(self) -> int:
        """Records not yet confirmed."""
        return len(self._producer)


class Reader:
    """Reads one partition from its beginning, without a group: the catalog, presence."""

    def __init__(self, kafka: Brokers, topic: str) -> None:
        self._place = TopicPartition(topic, 0, 0)
        self._consumer = Consumer(consumer_config(kafka, f"{topic}.readers"), logger=log)
        self._consumer.assign([self._place])
        # On the reader's own connection the question would wait behind its long poll, half a second.
        self._asker = Consumer(consumer_config(kafka, f"{topic}.readers"), logger=log)

    def end(self, within_s: float) -> int:
        """The offset after the topic's last record, asked of the broker now. RetryLater if it is silent."""
        deadline_s = time.monotonic() + within_s
        while True:
            try:
                _low, high = self._asker.get_watermark_offsets(
                    self._place, timeout=max(0.1, deadline_s - time.monotonic())
                )
            except KafkaException as error:
                if error.args[0].code() not in _MOVING or time.monotonic() > deadline_s:
                    raise RetryLater(f"{self._place.topic}: {error.args[0].str()}") from error
                time.sleep(_AGAIN_AFTER_S)
            else:
                return int(high)

    def read(self, wait_s: float) -> Record | None:
        """The next record, or None."""
        message = self._consumer.poll(wait_s)
        return None if message is None else _record(message)

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
        self._asker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


def _record(message: Message) -> Record | None:
    error = message.error()
    if error is not None:
        # A topic that does not exist yet may come: a model process may be started before its first deploy.
        if error.fatal() or error.code() in {
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.GROUP_AUTHORIZATION_FAILED,
        }:
            raise KafkaException(error)
        _quiet(error)
        return None
    topic: Any = message.topic()
    partition: Any = message.partition()
    offset: Any = message.offset()
    _kind, timestamp = message.timestamp()
    raw: Any = message.headers() or []
    headers = [(name, _bytes(value)) for name, value in raw]
    return Record(topic, partition, offset, timestamp, message.key(), message.value(), headers)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
