"""Sends records and reports which are delivered."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from adapters.brokers import Brokers
from adapters.kafka.clients import producer_config
from schemas.errors import RetryLater
from schemas.frames import RawHeaders
from schemas.limits import DELIVERY_S_MAX

log = logging.getLogger(__name__)

_KNOW_S_MAX: Final = 2.0
_ROOM_LOOK_S: Final = 0.05
_PERMANENT: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  # how confluent-kafka spells librdkafka's own codes
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Why a record was not delivered. permanent: it never can be (no such topic, too large, not allowed)."""

    reason: str
    permanent: bool

    def __str__(self) -> str:
        return self.reason


OnDelivery = Callable[[DeliveryError | None], None]


class ConfirmingProducer:
    """Sends records and reports which are delivered. Thread-safe, as librdkafka's producer is.

    A record that the broker did not take in `delivery_ms` makes `flush` and `check` raise, unless
    its sender gave `on_delivery` and so deals with it. Close by `flush`.
    idempotent False and a short queue_wait_s: for shadows, which are rather lost (and recorded as shed)
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
        self._full_s: float | None = None
        """Since when the queue is full and no report comes."""
        self._failure: str | None = None
        self._known: set[str] = set()

    def prefetch_metadata(self, topics: Iterable[str]) -> None:
        """Ask where topics lie, before their first records: librdkafka lets those wait for half a second. Where the
        broker is silent the others are not asked for: each first record asks again."""
        for topic in topics:
            if topic in self._known:
                continue
            try:
                found = self._producer.list_topics(topic, timeout=_KNOW_S_MAX).topics[topic]
            except KafkaException as error:
                log.warning("%s: %s", topic, error.args[0].str())
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
        """Queue one record. Where the queue is full, wait for room as long as records leave it, and at most
        `queue_wait_s` while none does.

        on_delivery(None) means confirmed, else it says what failed. It is called from `poll` or
        `flush`, or from here where the record cannot even be queued.
        """

        def settle(error: DeliveryError | None) -> None:
            if on_delivery is not None:
                on_delivery(error)
            elif error is not None:
                self._failure = f"{topic}: {error}"

        def delivered(error: KafkaError | None, _message: Message) -> None:
            self._full_s = None
            settle(None if error is None else DeliveryError(error.str(), error.code() in _PERMANENT))

        while True:
            try:
                # A list of its own: confluent-kafka's type of headers is wider, and lists are invariant.
                self._producer.produce(topic, value, key, headers=list(headers), on_delivery=delivered)
                return None
            except BufferError:
                if not self._room_comes():
                    return settle(DeliveryError("the producer's queue is full", permanent=False))
            except KafkaException as error:
                return delivered(error.args[0], error.args[0])

    def _room_comes(self) -> bool:
        """Serve reports, for a record stands in the queue until its report is served. False where none has come for
        `queue_wait_s`: then nobody waits as long again before one does."""
        now_s = time.monotonic()
        if self._full_s is None:
            self._full_s = now_s
        left_s = self._full_s + self._queue_wait_s - now_s
        return self.poll(min(max(0.0, left_s), _ROOM_LOOK_S)) > 0 or left_s > 0

    def poll(self, wait_s: float = 0.0) -> int:
        """Serve delivery reports; returns how many were."""
        return int(self._producer.poll(wait_s))

    def _check(self) -> None:
        """RetryLater where a record was not delivered: the process ends, and its work is done again."""
        if self._failure is not None:
            raise RetryLater(f"not delivered to {self._failure}")

    def flush(self, within_s: float = DELIVERY_S_MAX + 5.0) -> None:
        """Wait until every record is confirmed. RetryLater where one is not."""
        left = self._producer.flush(within_s)
        self._check()
        if left:
            raise RetryLater(f"{left} records are not confirmed after {within_s} s")

    def drain(self, within_s: float) -> None:
        """Wait until every record is confirmed or failed; what is left after that stays unsettled."""
        self._producer.flush(within_s)

    def __len__(self) -> int:
        """Records not yet confirmed."""
        return len(self._producer)
