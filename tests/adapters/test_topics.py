"""Services refuse to start on topics that are missing or that take less than the hop before."""

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from adapters.brokers import Brokers
from adapters.topics import check_topics
from schemas.errors import SparringError
from schemas.topics import fixed_topics
from sparring.stack import LocalStack
from tests.waiting import eventually


def test_topics_as_the_table_says_are_accepted(broker: LocalStack) -> None:
    check_topics(Brokers(broker.kafka), fixed_topics(broker.namespace))


def test_a_missing_topic_is_named(broker: LocalStack) -> None:
    with pytest.raises(SparringError, match=r"no topic nobody\.frames, nobody\.results"):
        check_topics(Brokers(broker.kafka), fixed_topics("nobody")[:2])


def test_a_topic_that_takes_too_little_is_named_with_both_numbers(broker: LocalStack) -> None:
    topic = msgspec.structs.replace(fixed_topics("small")[0], name="small.frames")
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    admin.create_topics([NewTopic(topic.name, 1, 1, config={"max.message.bytes": "1000"})])[topic.name].result(10)
    eventually(lambda: topic.name in admin.list_topics(timeout=10).topics, 60, "the broker to know the topic")
    with pytest.raises(SparringError, match=rf"small\.frames takes 1000 bytes .* at least {topic.record_bytes_max}"):
        check_topics(Brokers(broker.kafka), [topic])
