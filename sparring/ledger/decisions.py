"""What each live version decides for a frame: the router's own pure function is called again.

The one place that judges whether an answer is what its version decides: `sparring verify` and `replay --verify` ask it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from router.route import expires_at, hash_value, route
from schemas.errors import Refused
from schemas.frames import Frame
from schemas.pipelines import PipelineVersion
from schemas.tasks import SplitChoice
from sparring.ledger.facts import Decision, Routed, Split


def decisions(frame: Frame, versions: Iterable[PipelineVersion]) -> Mapping[str, Decision]:
    """By version. Pure."""
    return {version.version: decide(frame, version) for version in versions}


def decide(frame: Frame, version: PipelineVersion) -> Decision:
    """The official path, its deadline, and the challengers. Pure."""
    lives_ms = None
    try:
        if (deadline := expires_at(frame, version)) is not None:
            lives_ms = deadline - frame.produced_at
        official, *challenges = route(frame, version)
    except Refused as refusal:
        return Decision(refused=refusal.error, lives_ms=lives_ms)
    routes = [Routed.decided(task.slip) for task in challenges]
    return Decision(
        Routed.decided(official.slip),
        {routed.model: routed for routed in routes if routed.model is not None},
        lives_ms=lives_ms,
        first=f"{official.lane_of.name}@{official.lane_of.version}",
    )


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How an answer differs from its version's decision, in a few words: the answer's part, and the derived one."""

    was: str
    derived: str


def mismatch(decision: Decision, said: Routed, *, official: bool = True) -> Mismatch | None:
    """The first thing in which an answer is not what was decided: its model, the model's file, how many challengers
    the request has, its places in splits. None: it is. Pure.

    official: of an answer on `results`; else of a challenger's.
    """
    routed = decision.official if official else decision.challengers.get(said.model or "")
    if routed is None or routed.model != said.model:
        return Mismatch(said.model or "no model", _who(decision, official=official))
    if routed.sha256 != said.sha256:
        return Mismatch(f"{said.model} of sha256 {said.sha256}", f"sha256 {routed.sha256}")
    if routed.parts != said.parts:
        return Mismatch(f"{said.parts} challengers of the request", f"{routed.parts}")
    if routed.split != said.split:
        return Mismatch(f"the split {_places(said.split)}", _places(routed.split))
    return None


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


def _who(decision: Decision, *, official: bool) -> str:
    if decision.official is None:
        return f"the error {decision.refused}"
    if official:
        return str(decision.official.model)
    return f"the challengers {', '.join(sorted(decision.challengers))}" if decision.challengers else "no challenger"


def _places(split: Split) -> str:
    return msgspec.json.encode(split).decode()
