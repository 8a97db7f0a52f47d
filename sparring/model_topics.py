"""The topics of models, each with its consumer group of the same name: how far they are read, and how they end."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from kafka import TopicPartition
from kafka.protocol.consumer import OffsetSpec

from schemas.topics import TopicNames
from sparring.broker import Broker, delete_groups, group_names
from sparring.pruning import Standing

_ANSWER_S: Final = 10.0
_AGAIN_AFTER_S: Final = 0.05


def standings(broker: Broker, names: TopicNames) -> dict[str, Standing]:
    """How far each topic of a model is read; ConnectionError where the broker does not answer, or refuses."""
    with broker.admin("topics of models could not be asked for") as admin:
        topics = sorted(name for name in admin.list_topics() if name.startswith(names.of_models()))
        groups = sorted(group_names(admin) & set(topics))
        members = {group: len(one["members"]) for group, one in admin.describe_groups(groups).items()} if groups else {}
        left = _left(admin, topics, admin.list_group_offsets(groups) if groups else {}) if topics else Counter()
    return {topic: Standing(members.get(topic, 0), left[topic]) for topic in topics}


def delete_unread(broker: Broker, topics: Sequence[str]) -> set[str]:
    """Delete topics with their groups; returns those that are gone, once the broker lists them no more.

    A group goes before its topic, and a topic stays whose group has a member: Kafka sees to that. Where the topic
    cannot be deleted after it, what the group had answered counts as unanswered until Kafka removes it.

    Raises:
        ConnectionError: the broker does not answer, or this user has not the rights of docs/security.md.
    """
    if not topics:
        return set()
    with broker.admin("topics could not be deleted (docs/security.md has the rights for it)") as admin:
        unread = set(topics) - delete_groups(admin, topics)
        if unread:
            admin.delete_topics(sorted(unread), timeout_ms=int(_ANSWER_S * 1000))
        deadline_s = time.monotonic() + _ANSWER_S
        while left := unread & set(admin.list_topics()):
            if time.monotonic() > deadline_s:
                raise ConnectionError(f"{min(left)} on {broker.kafka} is deleted, and there after {_ANSWER_S:g} s")
            time.sleep(_AGAIN_AFTER_S)
    return unread


def _left(admin: Any, topics: list[str], committed: dict[str, dict[TopicPartition, Any]]) -> Counter[str]:
    """Records of each topic that its group has not committed."""
    places = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics(topics)
        for partition in topic["partitions"]
    ]
    firsts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
    ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    left: Counter[str] = Counter()
    for place in places:
        known = committed.get(place.topic, {}).get(place)
        left[place.topic] += ends[place].offset - max(-1 if known is None else known.offset, firsts[place].offset)
    return left
