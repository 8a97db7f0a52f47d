"""A producer that lives on while a topic is deleted and made anew, against the real broker."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from adapters.brokers import Brokers
from adapters.kafka.outbox import DeliveryError, Outbox
from schemas.names import ModelKey
from schemas.topics import work_topic
from sparring.broker import Broker
from sparring.stack import LocalStack
from tests.waiting import eventually

TOPIC = work_topic("outbox", ModelKey("default", "model", "v1"), "official", partitions=1)


@pytest.fixture
def keeper(broker: LocalStack) -> Iterator[Broker]:
    with closing(Broker(Brokers(broker.kafka))) as asking:
        yield asking


def deleted(keeper: Broker) -> None:
    with keeper.admin("not deleted") as admin:
        admin.delete_topics([TOPIC.name])
        eventually(lambda: TOPIC.name not in admin.list_topics(), 60, "the topic to be gone")


def sent(outbox: Outbox) -> DeliveryError | None:
    settled: list[DeliveryError | None] = []
    outbox.send(TOPIC.name, b"key", b"value", [], settled.append)
    outbox.flush()
    return settled[0]


def test_a_topic_that_was_found_missing_is_written_to_again_once_it_is_asked_for(
    broker: LocalStack, keeper: Broker
) -> None:
    outbox = Outbox(Brokers(broker.kafka))
    keeper.create([TOPIC])
    assert outbox.know([TOPIC.name])
    assert sent(outbox) is None
    deleted(keeper)
    missing = sent(outbox)
    assert missing is not None
    assert missing.permanent
    assert not outbox.know([TOPIC.name])
    keeper.create([TOPIC])
    assert outbox.know([TOPIC.name])
    assert sent(outbox) is None
    assert keeper.end(TOPIC.name) == 1, "a topic of its own"
