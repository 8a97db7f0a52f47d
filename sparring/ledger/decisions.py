"""What each version that was live made of a frame: the router's own pure function is asked again."""

from collections.abc import Iterable, Mapping

from router.route import expires_at, hash_value, route
from schemas.errors import Refused
from schemas.frames import Frame
from schemas.names import ModelKey
from schemas.pipelines import PipelineVersion
from schemas.tasks import SplitChoice
from sparring.ledger.facts import Decision


def decisions(frame: Frame, versions: Iterable[PipelineVersion]) -> Mapping[str, Decision]:
    """By version. Pure."""
    return {version.version: decide(frame, version) for version in versions}


def decide(frame: Frame, version: PipelineVersion) -> Decision:
    """Who answers, until when, and who is challenged. Pure."""
    lives_ms = None
    try:
        if (deadline := expires_at(frame, version)) is not None:
            lives_ms = deadline - frame.produced_at
        official, *challenges = route(frame, version)
    except Refused as refusal:
        return Decision(refused=refusal.error, lives_ms=lives_ms)
    return Decision(
        _named(official.slip.answers),
        official.slip.sha256,
        {_named(task.slip.answers): task.slip.sha256 for task in challenges},
        lives_ms=lives_ms,
        first=_named(official.lane_of),
    )


def split_choices(frame: Frame, version: PipelineVersion) -> list[tuple[str, SplitChoice]]:
    """The frame's place in each split on its way, with the key that it went by. Refused where one cannot place it."""
    official, *_ = route(frame, version)
    choices = []
    for choice in official.slip.split:
        key = None if choice.hash_key is None else hash_value(frame, choice.hash_key)
        choices.append((frame.request_id if key is None else str(key), choice))
    return choices


def refused_anyhow(frame: Frame) -> str | None:
    """The error of a frame that no router places, whatever is live; None for any other. Pure."""
    try:
        frame.check_size()
        _ = frame.pipeline
    except Refused as refusal:
        return refusal.error
    return None


def _named(model: ModelKey) -> str:
    return f"{model.name}@{model.version}"
