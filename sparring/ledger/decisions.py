"""What each version that was live made of a frame: the router's own pure function is asked again."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest

from router.route import hash_value, route
from schemas.catalog import Pipeline
from schemas.errors import Refused
from schemas.frames import Frame
from schemas.pipelines import PipelineVersion
from schemas.tasks import SplitChoice, Task
from sparring.ledger.facts import Decision


def live_since(pipeline: Pipeline, since: int) -> tuple[PipelineVersion, ...]:
    """The versions that were live at any time from `since` (Unix milliseconds) on. Pure."""
    found: dict[str, PipelineVersion] = {}
    for switch, after in zip_longest(pipeline.history, pipeline.history[1:]):
        if switch.version is not None and (after is None or after.at >= since):
            found[switch.version] = pipeline.versions[switch.version]
    return tuple(found.values())


def decisions(frame: Frame, versions: Iterable[PipelineVersion]) -> Mapping[str, Decision]:
    """By version. Pure."""
    return {version.version: decide(frame, version) for version in versions}


def decide(frame: Frame, version: PipelineVersion) -> Decision:
    """Who answers, and who is challenged. Pure."""
    try:
        official, *challenges = route(frame, version)
    except Refused as refusal:
        return Decision(refused=refusal.error)
    return Decision(
        _named(official),
        official.slip.sha256,
        {_named(task): task.slip.sha256 for task in challenges},
        may_expire=official.slip.deadline is not None,
    )


def split_choices(frame: Frame, version: PipelineVersion) -> list[tuple[str, SplitChoice]]:
    """The frame's place in each split on its way, with the key that it went by. Refused where one cannot place it."""
    official, *_ = route(frame, version)
    choices = []
    for choice in official.slip.split:
        key = None if choice.hash_key is None else hash_value(frame, choice.hash_key)
        choices.append((frame.request_id if key is None else str(key), choice))
    return choices


def is_routable(frame: Frame, pipeline: Pipeline, since: int, decided: Mapping[str, Decision]) -> bool:
    """Whether every router had to place the frame, from `since` (Unix milliseconds) on. Pure."""
    try:
        frame.check_size()
    except Refused:
        return False
    gap = any(switch.version is None and switch.at >= since for switch in pipeline.history)
    if gap or not live_at(pipeline, since):
        return False
    return all(one.refused is None and not one.may_expire for one in decided.values())


def live_at(pipeline: Pipeline, moment: int) -> bool:
    """Whether a version was live at a time, Unix milliseconds. Pure."""
    before = [switch for switch in pipeline.history if switch.at < moment]
    return bool(before) and before[-1].version is not None


def _named(task: Task) -> str:
    return f"{task.slip.answers.name}@{task.slip.answers.version}"
