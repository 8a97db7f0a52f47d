"""Topics of models that no version needs any more: `sparring topics prune` deletes them.

No service deletes a topic: clients that use one do not survive that. `judged` decides and is pure; `standings` and
`delete_unread` read and delete the topics, each with its consumer group of the same name.
"""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, get_args

from kafka import TopicPartition
from kafka.protocol.consumer import OffsetSpec

from schemas.catalog import Catalog, Pipeline
from schemas.names import Lane, ModelLane
from schemas.topics import TopicNames
from sparring.kafka.broker import Broker, delete_groups, group_names

Verdict = Literal["unused", "needed", "needed lately", "read", "unanswered", "unknown"]
"""needed: a version that is live or offered has it. read: its group has members. unanswered: it has records that its
group has not committed. unknown: of no model version that the catalog knows."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """How far a topic is read by the group of its name: its members now, and the records that it has not committed."""

    members: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class PruneVerdict:
    """needed_until: when a version needed it last, Unix milliseconds; None: it does now, or it is unknown."""

    topic: str
    verdict: Verdict
    needed_until: int | None
    standing: GroupState


def judged(
    catalog: Catalog, names: TopicNames, found: Mapping[str, GroupState], unused_for_ms: int, now_ms: int
) -> list[PruneVerdict]:
    """A verdict on each topic of a model, in the order of their names.

    Args:
        catalog: of the topics' namespace.
        names: of that namespace.
        found: the topics that are there.
        unused_for_ms: how long nobody must have needed one that is called unused.
        now_ms: Unix milliseconds.
    """
    needed = {names.work(*lane) for lane in _needed(catalog, now_ms)}
    until = {names.work(*lane): at for lane, at in _needed_until(catalog).items()}
    judgements = []
    for topic in sorted(found):
        standing = found[topic]
        at = None if topic in needed else until.get(topic)
        if topic in needed:
            verdict: Verdict = "needed"
        elif at is None:
            verdict = "unknown"
        elif now_ms - at < unused_for_ms:
            verdict = "needed lately"
        elif standing.members:
            verdict = "read"
        else:
            verdict = "unanswered" if standing.unanswered else "unused"
        judgements.append(PruneVerdict(topic, verdict, at, standing))
    return judgements


def needed_again(catalog: Catalog, names: TopicNames, deleted: Collection[str], now_ms: int) -> list[ModelLane]:
    """Of topics that were deleted, those that a version needs that was offered or went live meanwhile."""
    return sorted(lane for lane in _needed(catalog, now_ms) if names.work(*lane) in deleted)


def _needed(catalog: Catalog, now_ms: int) -> set[ModelLane]:
    return {lane for version in catalog.wanted(now_ms) for lane in version.lanes()}


def _needed_until(catalog: Catalog) -> dict[ModelLane, int]:
    """When each was needed last, by the broker's clock; one that never was, since its model or version was made."""
    found: dict[ModelLane, int] = {
        (key, lane): model.created_at for key, model in catalog.models.items() for lane in get_args(Lane)
    }
    for pipeline in catalog.pipelines.values():
        for version, at in _versions_until(pipeline).items():
            for lane in pipeline.versions[version].lanes():
                found[lane] = max(found.get(lane, at), at)
    return found


def _versions_until(pipeline: Pipeline) -> dict[str, int]:
    """Of each version the last of these: it was made, another one or none went live after it, its offer ended."""
    until = {key: version.created_at for key, version in pipeline.versions.items()}
    for before, after in pairwise(pipeline.history):
        if before.version is not None:
            until[before.version] = max(until[before.version], after.at)
    for version, deadline_ms in pipeline.offers.items():
        until[version] = max(until[version], deadline_ms)
    return until


_ANSWER_S: Final = 10.0
_AGAIN_AFTER_S: Final = 0.05


def standings(broker: Broker, names: TopicNames) -> dict[str, GroupState]:
    """How far each topic of a model is read; ConnectionError where the broker does not answer, or refuses."""
    with broker.admin("topics of models could not be asked for") as admin:
        topics = sorted(name for name in admin.list_topics() if name.startswith(names.of_models()))
        groups = sorted(group_names(admin) & set(topics))
        members = {group: len(one["members"]) for group, one in admin.describe_groups(groups).items()} if groups else {}
        left = _left(admin, topics, admin.list_group_offsets(groups) if groups else {}) if topics else Counter()
    return {topic: GroupState(members.get(topic, 0), left[topic]) for topic in topics}


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
