"""A producer's queue is bounded: what is delivered takes no room in it, what is not delivered may be refused."""

import contextlib
import time
import uuid

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from adapters.brokers import Brokers
from adapters.kafka.confirming_producer import ConfirmingProducer, DeliveryError
from adapters.topics import ends
from schemas.limits import MIB, PRODUCER_QUEUE_KIB_MAX
from sparring.stack import LocalStack
from tests.waiting import eventually

QUEUE_MIB = PRODUCER_QUEUE_KIB_MAX // 1024
VALUE = bytes(MIB)


@pytest.fixture
def kafka(broker: LocalStack) -> Brokers:
    return Brokers(broker.kafka)


@pytest.fixture
def topic(broker: LocalStack) -> str:
    """A new one, whose records are removed when they are a second old."""
    name = f"queue-{uuid.uuid4()}"
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=broker.kafka)) as admin:
        settings = {"max.message.bytes": str(2 * MIB), "segment.bytes": str(8 * MIB), "retention.ms": "1000"}
        admin.create_topics([NewTopic(name, 1, 1, topic_configs=settings)])
    return name


def test_what_is_delivered_takes_no_room_even_before_anybody_asks_for_reports(kafka: Brokers, topic: str) -> None:
    producer = ConfirmingProducer(kafka, delivery_ms=100_000, idempotent=False, queue_wait_s=0.0)
    settled: list[DeliveryError | None] = []
    part = QUEUE_MIB * 2 // 3
    for _ in range(part):
        producer.send(topic, None, VALUE, [], settled.append)
    eventually(lambda: ends(kafka, [topic], 10) == {topic: part}, 100, "the first part to be delivered")
    for _ in range(part):
        producer.send(topic, None, VALUE, [], settled.append)
    producer.flush(100)
    assert settled == [None] * 2 * part


def test_a_queue_that_is_full_is_waited_for_while_its_broker_takes_records(kafka: Brokers, topic: str) -> None:
    producer = ConfirmingProducer(kafka, delivery_ms=100_000, idempotent=False, queue_wait_s=10.0)
    settled: list[DeliveryError | None] = []
    for _ in range(4 * QUEUE_MIB):
        producer.send(topic, None, VALUE, [], settled.append)
    producer.flush(100)
    assert settled == [None] * 4 * QUEUE_MIB


def test_where_nothing_leaves_a_full_queue_only_the_first_record_waits() -> None:
    producer = ConfirmingProducer(Brokers("127.0.0.1:1"), delivery_ms=600_000, idempotent=False, queue_wait_s=1.0)
    refused: list[DeliveryError | None] = []
    began_s = time.monotonic()
    for _ in range(QUEUE_MIB + 100):
        producer.send("anything", None, VALUE, [], refused.append)
    assert 1.0 <= time.monotonic() - began_s < 50.0
    assert len(refused) >= 100
    assert set(refused) == {DeliveryError("the producer's queue is full", permanent=False)}
