"""Routing decisions derived again from recorded frames: those that were made, and those of other weights."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.catalog import Catalog
from schemas.errors import Refused
from schemas.frames import Frame
from schemas.models import arm_names
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion, RandomSplit, WeightedModel, checked_step
from schemas.results import Answer
from sparring.ledger.decisions import decide, mismatch, split_choices
from sparring.ledger.facts import Routed
from sparring.replay.recorded import RecordedAnswers

KEYS_MAX: Final = 1_000_000
"""Keys that are remembered, so that each counts once; what comes beyond them is counted as frames only."""


@dataclass(frozen=True, slots=True)
class RoutingDifference:
    """A decision that differs when derived again: the official answer's, and the derived one."""

    request_id: str
    frame: str
    version: str
    was: str
    derived: str


@dataclass(slots=True)
class Verified:
    """decided: decisions that were derived; unanswered: frames without an official answer; before: answers that no
    version made (refused or expired before); unknown: answers by the version that they name and the catalog does not
    know, which nobody can derive again."""

    decided: int = 0
    unanswered: int = 0
    before: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    differences: list[RoutingDifference] = field(default_factory=list)


def verified(frames: Iterable[Frame], recorded: RecordedAnswers, catalog: Catalog) -> Verified:
    """Derive each frame's decision from the version that its official answer names."""
    seen = Verified()
    for frame in frames:
        answer = recorded.get(str(frame.origin))
        if answer is None:
            seen.unanswered += 1
            continue
        if answer.pipeline_version is None:
            seen.before += 1
            continue
        version = _version(catalog, answer, answer.pipeline_version)
        if version is None:
            seen.unknown[f"{answer.pipeline}@{answer.pipeline_version}"] += 1
            continue
        seen.decided += 1
        if (other := mismatch(decide(frame, version), Routed.said(answer))) is not None:
            place = str(frame.origin)
            seen.differences.append(
                RoutingDifference(frame.request_id, place, version.version, other.was, other.derived)
            )
    return seen


@dataclass(frozen=True, slots=True)
class ReassignedRequest:
    """A key that another weighting sends elsewhere. arms by their names."""

    key: str
    before: str
    after: str


@dataclass(slots=True)
class WhatIf:
    """Of one split: frames and keys by arm, under its own weights and the others. refused: frames that it cannot
    place."""

    weights: Mapping[str, float]
    other: Mapping[str, float]
    frames: Counter[str] = field(default_factory=Counter)
    frames_then: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    keys_then: Counter[str] = field(default_factory=Counter)
    moves: list[ReassignedRequest] = field(default_factory=list)
    refused: int = 0
    keys_left_out: bool = False


def what_if(frames: Iterable[Frame], version: PipelineVersion, weights: Mapping[str, float]) -> WhatIf:
    """What split these weights would have given, and which keys would move.

    Args:
        frames: of the version's pipeline.
        version: with a random split, whose weights they replace.
        weights: by arm, the model's name; those that are not named keep theirs.

    Raises:
        ValueError: the version has no split, or not these arms; a weight is none.
    """
    step, index = _the_split(version)
    other = reweighted(step, weights)
    steps = (*version.steps[:index], other, *version.steps[index + 1 :])
    then = msgspec.structs.replace(version, steps=steps)
    seen = WhatIf(_weights(step), _weights(other))
    known: set[str] = set()
    for frame in frames:
        try:
            (key, arm), (_, arm_then) = (_choice(frame, one, index) for one in (version, then))
        except Refused:
            seen.refused += 1
            continue
        seen.frames[arm] += 1
        seen.frames_then[arm_then] += 1
        if key in known:
            continue
        if len(known) >= KEYS_MAX:
            seen.keys_left_out = True
            continue
        known.add(key)
        seen.keys[arm] += 1
        seen.keys_then[arm_then] += 1
        if arm != arm_then:
            seen.moves.append(ReassignedRequest(key, arm, arm_then))
    return seen


def reweighted(step: RandomSplit, weights: Mapping[str, float]) -> RandomSplit:
    """The split with other weights; ValueError where an arm is unknown or a weight is none."""
    names = list(_weights(step))
    for name in weights:
        if name not in names:
            raise ValueError(f"weights: the split has no arm {name!r}; it has {', '.join(names)}")
    arms = tuple(
        WeightedModel(weights.get(name, arm.weight), arm.model) for name, arm in zip(names, step.arms, strict=True)
    )
    changed = msgspec.structs.replace(step, arms=arms)
    checked_step(changed)
    return changed


def _the_split(version: PipelineVersion) -> tuple[RandomSplit, int]:
    found = [(step, index) for index, step in enumerate(version.steps) if isinstance(step, RandomSplit)]
    if not found:
        raise ValueError(f"pipeline {version.pipeline} version {version.version} has no random split to weigh anew")
    return found[0]


def _weights(step: RandomSplit) -> dict[str, float]:
    return dict(zip(arm_names([arm.model for arm in step.arms]), (arm.weight for arm in step.arms), strict=True))


def _choice(frame: Frame, version: PipelineVersion, index: int) -> tuple[str, str]:
    """The key that the split went by, and the arm's name."""
    ((key, choice),) = (one for one in split_choices(frame, version) if one[1].step == index)
    names = [name for name, _ in choice.weights]
    return key, choice.name if choice.name in names else f"{choice.name}@{choice.version}"


def _version(catalog: Catalog, answer: Answer, version: str) -> PipelineVersion | None:
    try:
        return catalog.version(PipelineName.parse(answer.pipeline), version)
    except ValueError:
        return None  # anyone may write to a topic that is not protected
