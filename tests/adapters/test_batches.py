"""Where a batch ends that cannot be unpacked. On the broker that librdkafka brings for tests: it stores what comes."""

import pytest
from confluent_kafka import Producer

from adapters.brokers import Brokers
from adapters.kafka.batches import end_of_batch
from schemas.limits import MIB

_LARGE = {"message.max.bytes": 900_000_000, "queue.buffering.max.kbytes": 2_000_000, "compression.type": "zstd"}
_TOPIC = "frames"


@pytest.fixture
def packing() -> Producer:
    """A producer that packs all into one batch that it has before it is flushed; the broker ends with it."""
    told = {"test.mock.num.brokers": 1, "bootstrap.servers": "none", "linger.ms": 60_000, "batch.size": 900_000_000}
    return Producer(_LARGE | told)


def _broker(producer: Producer) -> Brokers:
    (broker,) = producer.list_topics(timeout=60).brokers.values()
    return Brokers(f"{broker.host}:{broker.port}")


def _send(producer: Producer, records: int, record_bytes: int) -> None:
    for _ in range(records):
        producer.produce(_TOPIC, bytes(record_bytes), partition=0)
    assert producer.flush(60) == 0


@pytest.mark.parametrize("records", [1, 2, 3, 7, 8, 9, 100])
@pytest.mark.parametrize("last", [False, True], ids=["something follows", "nothing follows"])
def test_a_batch_ends_where_the_next_begins_or_nothing_is(packing: Producer, records: int, last: bool) -> None:
    kafka = _broker(packing)
    _send(packing, 5, 10)
    _send(packing, records, 70 * MIB // records)
    if not last:
        _send(packing, 1, 60 * MIB)  # another of its kind
    assert end_of_batch(kafka, "group", _TOPIC, 0, 5) == 5 + records
