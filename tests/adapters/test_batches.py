"""Where a batch ends that cannot be unpacked. On the broker that librdkafka brings for tests: it stores what comes."""

import pytest
from confluent_kafka import Producer

from adapters.brokers import Brokers
from adapters.kafka.batches import end_of_batch
from adapters.kafka.group_consumer import GroupConsumer
from schemas.limits import MIB
from tests.waiting import eventually

_LARGE = {"message.max.bytes": 900_000_000, "queue.buffering.max.kbytes": 2_000_000, "compression.type": "zstd"}
_TOPIC = "frames"


@pytest.fixture
def packing() -> Producer:
    """A producer that packs all into one batch that it has before it is flushed; the broker ends with it."""
    told = {"test.mock.num.brokers": 1, "bootstrap.servers": "none", "linger.ms": 60_000, "batch.size": 900_000_000}
    return Producer(_LARGE | told)


def _broker(producer: Producer) -> Brokers:
    """And the topic is known: what is produced before becomes several batches."""
    (broker,) = producer.list_topics(_TOPIC, timeout=60).brokers.values()
    return Brokers(f"{broker.host}:{broker.port}")


def _send(producer: Producer, records: int, record_bytes: int) -> None:
    for _ in range(records):
        producer.produce(_TOPIC, bytes(record_bytes), partition=0)
    assert producer.flush(60) == 0


@pytest.mark.parametrize(
    ("before", "records", "last"),
    [(5, 1, False), (5, 3, True), (5, 8, False), (0, 2, True), (0, 9, False), (0, 100, True), (5, 100, False)],
)
def test_a_batch_ends_where_the_next_begins_or_nothing_is(
    packing: Producer, before: int, records: int, last: bool
) -> None:
    """before: records ahead of it. last: nothing follows."""
    kafka = _broker(packing)
    if before:
        _send(packing, before, 10)
    _send(packing, records, 70 * MIB // records)
    if not last:
        _send(packing, 1, 60 * MIB)  # another of its kind
    assert end_of_batch(kafka, "group", _TOPIC, 0, before) == before + records


def test_a_reader_goes_on_behind_it(packing: Producer) -> None:
    kafka = _broker(packing)
    for records, record_bytes in ((2, 10), (3, 30 * MIB), (1, 60 * MIB), (2, 20)):
        _send(packing, records, record_bytes)
    consumer = GroupConsumer(kafka, "readers", [_TOPIC])
    read: list[tuple[int, int]] = []

    def came() -> bool:
        read.extend((record.offset, len(record.value or b"")) for record in consumer.read(10, wait_s=0.5))
        return len(read) >= 4

    try:
        eventually(came, 60, "what lies around it")
    finally:
        consumer.close()
    assert read == [(0, 10), (1, 10), (6, 20), (7, 20)]
