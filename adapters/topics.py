"""Topics, as services need them: the check against the table, ids, end offsets, a group's lag."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from adapters.brokers import Brokers
from adapters.kafka.clients import consumer_config
from schemas.errors import RetryLater, SparringError
from schemas.topics import Topic

log = logging.getLogger(__name__)

_ANSWER_S: Final = 10.0


def check_topics(kafka: Brokers, topics: Sequence[Topic]) -> None:
    """SparringError that names every topic which is missing or takes too little; RetryLater where the
    broker does not answer. A topic that takes less than the hop before it would lose records late."""
    admin = AdminClient(kafka.librdkafka(), logger=log)
    try:
        there = admin.list_topics(timeout=_ANSWER_S).topics
        missing = [topic.name for topic in topics if topic.name not in there]
        if missing:
            raise SparringError(f"{kafka} has no topic {', '.join(missing)}: `sparring topics create` makes them")
        asked = {ConfigResource(ResourceType.TOPIC, topic.name): topic for topic in topics}
        answers = admin.describe_configs(list(asked), request_timeout=_ANSWER_S)
        found = {asked[resource].name: answer.result(_ANSWER_S) for resource, answer in answers.items()}
    except KafkaException as error:
        raise RetryLater(f"{kafka}: {error.args[0].str()}") from error
    small = [
        f"{topic.name} takes {takes} bytes a record; expected at least {topic.record_bytes_max}"
        for topic in topics
        if (takes := int(found[topic.name]["max.message.bytes"].value)) < topic.record_bytes_max
    ]
    if small:
        raise SparringError(f"{'; '.join(small)}: raise max.message.bytes of the topic")


def ends(kafka: Brokers, topics: Collection[str], within_s: float) -> dict[str, int]:
    """How many records each of the topics has ever had; those that do not exist are left out. RetryLater where the
    broker does not answer in time."""
    admin = AdminClient(kafka.librdkafka(), logger=log)
    try:
        there = admin.list_topics(timeout=within_s).topics
        places = [TopicPartition(topic, part) for topic in topics if topic in there for part in there[topic].partitions]
        asked = {place: OffsetSpec.latest() for place in places}
        found = admin.list_offsets(asked, request_timeout=within_s) if asked else {}
        total: Counter[str] = Counter()
        for place, answer in found.items():
            total[place.topic] += answer.result(within_s).offset
    except (KafkaException, TimeoutError) as error:
        raise RetryLater(f"ends of {len(topics)} topics: {error}") from error
    return dict(total)


def lag(kafka: Brokers, group: str, topic: str) -> int:
    """Records of `topic` that `group` has not committed yet; 0 where the topic does not exist."""
    consumer = Consumer(consumer_config(kafka, group), logger=log)
    try:
        partitions = consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic].partitions
        places = [TopicPartition(topic, partition) for partition in partitions]
        total = 0
        for place in consumer.committed(places, timeout=_ANSWER_S) if places else []:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, place.partition), timeout=_ANSWER_S)
            total += high - max(low, place.offset)
        return total
    except KafkaException as error:
        raise RetryLater(f"lag of {topic}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def topic_id(kafka: Brokers, topic: str) -> str:
    """The broker's own id of a topic: a topic that is created again gets another one."""
    admin = AdminClient(kafka.librdkafka(), logger=log)
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=_ANSWER_S)
    # URL-safe, as Kafka itself writes it: a request id made from it is a valid one.
    return str(described[topic].result(_ANSWER_S).topic_id).replace("+", "-").replace("/", "_")
