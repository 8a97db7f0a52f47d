"""The start-up check: the topics exist, and take what the table of topics says they take."""

import logging
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]  # re-exported

from schemas.errors import RetryLater, SparringError
from schemas.topics import Topic

log = logging.getLogger(__name__)

_ANSWER_S: Final = 10.0


def check_topics(kafka: str, topics: Sequence[Topic]) -> None:
    """SparringError that names every topic which is missing or takes too little; RetryLater where the
    broker does not answer. A topic that takes less than the hop before it would lose records late."""
    admin = AdminClient({"bootstrap.servers": kafka}, logger=log)
    try:
        there = admin.list_topics(timeout=_ANSWER_S).topics
        missing = [topic.name for topic in topics if topic.name not in there]
        if missing:
            raise SparringError(f"{kafka} has no topic {', '.join(missing)}: create them as docs/contract.md says")
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
