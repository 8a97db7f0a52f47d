"""Which topics of models nobody needs any more. Pure.

No service ever deletes a topic: clients that use one do not survive that. `sparring topics prune` does, now and then,
with what is found unused here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from schemas.catalog import Catalog, Pipeline
from schemas.names import ModelKey
from schemas.topics import Lane, TopicNames

LaneOf = tuple[ModelKey, Lane]

Verdict = Literal["unused", "needed", "needed lately", "read", "unanswered", "unknown"]
"""needed: a version that is live or offered has it. read: its group has members. unanswered: it has records that its
group has not committed. unknown: of no model version that the catalog knows."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a topic is read by the group of its name: its members now, and the records that it has not committed."""

    members: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Judged:
    """needed_until: when a version needed it last, Unix milliseconds; None: it does now, or nobody knows."""

    topic: str
    verdict: Verdict
    needed_until: int | None
    standing: Standing


def judged(
    catalog: Catalog, names: TopicNames, found: Mapping[str, Standing], unused_for_ms: int, now_ms: int
) -> list[Judged]:
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
        judgements.append(Judged(topic, verdict, at, standing))
    return judgements


def needed_again(catalog: Catalog, names: TopicNames, deleted: Collection[str], now_ms: int) -> list[LaneOf]:
    """Of topics that were deleted, those that a version needs that was offered or went live meanwhile."""
    return sorted(lane for lane in _needed(catalog, now_ms) if names.work(*lane) in deleted)


def _needed(catalog: Catalog, now_ms: int) -> set[LaneOf]:
    return {lane for version in catalog.wanted(now_ms) for lane in version.lanes()}


def _needed_until(catalog: Catalog) -> dict[LaneOf, int]:
    """When each was needed last, by the broker's clock; one that never was, since its model or version was made."""
    found: dict[LaneOf, int] = {
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
