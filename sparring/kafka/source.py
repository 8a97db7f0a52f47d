"""Where a consumer's records come from: those that are there. `sparring.kafka.group` has those that come."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kafka import TopicPartition
from kafka.errors import KafkaError

from sparring.kafka.broker import Broker
from sparring.kafka.offsets import OffsetRange, places_of, spans_by_time
from sparring.kafka.records import RecordStream


class Source(Protocol):
    """Where records come from."""

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""

    def next_record(self) -> Any:
        """The next record; None where a fraction of a second brought none."""

    def keep(self) -> None:
        """Stay in the group, however long the returned records take; called before each result is returned.
        OtherProcessError in another process than the one that opened it; so do `turn` and `commit`."""

    def watermark_ms(self) -> float:
        """Unix ms: all records published before this time were returned, as far as known."""

    def lost(self) -> bool:
        """Whether a rebalance changed the positions since the last call: uncommitted records are delivered again."""

    def stop(self) -> None:
        """Nothing more comes, within a fraction of a second."""

    def close(self) -> None:
        """Close the connections."""


class RecordedSource:
    """What is there now.

    Args:
        broker: where the topics are.
        spans: what to read of them.
    """

    def __init__(self, broker: Broker, spans: Mapping[TopicPartition, OffsetRange]) -> None:
        topic = next(iter(spans)).topic
        self._owner = broker.owner
        self._records = RecordStream(broker, topic, spans=spans)
        self._watermark_ms = -math.inf
        self.stop = self._records.stop
        self.close = self._records.close

    @property
    def ended(self) -> bool:
        """As in `Source`."""
        return self._records.ended

    def next_record(self) -> Any:
        """As in `Source`."""
        record = self._records.next_record()
        if record is not None:
            self._watermark_ms = max(self._watermark_ms, record.timestamp)
        return record

    def keep(self) -> None:
        """As in `Source`: there is no rebalance here."""
        self._owner.check()

    def watermark_ms(self) -> float:
        """As in `Source`: records come in the order of time."""
        return self._watermark_ms

    def lost(self) -> bool:
        """As in `Source`: never."""
        return False


def recorded_spans(
    broker: Broker, wanted: Sequence[tuple[str, int | None, int | None]]
) -> dict[TopicPartition, OffsetRange]:
    """Of each topic what lies between two times, Unix ms, the second exclusive; ConnectionError where there is none,
    or nobody answers."""
    consumer = broker.consumer(())
    try:
        spans: dict[TopicPartition, OffsetRange] = {}
        for topic, since, until in wanted:
            spans |= spans_by_time(consumer, existing_places(broker, consumer, topic), since, until, follow=False)
        return spans
    except KafkaError as error:
        topics = ", ".join(topic for topic, _, _ in wanted)
        raise ConnectionError(f"{topics} on {broker.kafka}: no answer: {error!r}") from error
    finally:
        consumer.close(autocommit=False)


def existing_places(broker: Broker, consumer: Any, topic: str) -> list[TopicPartition]:
    """The topic's partitions; ConnectionError where there is no such topic."""
    if places := places_of(consumer, topic):
        return places
    raise ConnectionError(
        f"{broker.kafka} has no topic {topic}: start the system there, or set SPARRING_NAMESPACE to the namespace "
        "that it runs in"
    )
