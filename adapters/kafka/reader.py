"""Reads one partition from its beginning: behind the catalog and presence."""

import logging
import time
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as PartitionOffset

from adapters.brokers import Brokers
from adapters.kafka.clients import consumer_config
from adapters.kafka.record import Record, record_of
from schemas.errors import RetryLater

log = logging.getLogger(__name__)

_AGAIN_AFTER_S: Final = 0.05
_MOVING: Final = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
"""Errors while a partition's leader is elected: of a new topic, or after the loss of a broker."""


class Reader:
    """Reads one partition from its beginning, without a group: the catalog, presence."""

    def __init__(self, kafka: Brokers, topic: str) -> None:
        self._place = PartitionOffset(topic, 0, 0)
        self._consumer = Consumer(consumer_config(kafka, f"{topic}.readers"), logger=log)
        self._consumer.assign([self._place])
        # On the reader's own connection the question would wait behind its long poll, half a second.
        self._asker = Consumer(consumer_config(kafka, f"{topic}.readers"), logger=log)

    def end(self, within_s: float) -> int:
        """The offset after the topic's last record, requested now. RetryLater if the broker does not answer."""
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
        return None if message is None else record_of(message)

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
