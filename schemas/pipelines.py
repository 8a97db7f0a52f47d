"""Pipelines: a closed set of steps, and the immutable versions made of them."""

import math
from collections.abc import Callable, Iterator

import msgspec

from schemas.models import PinnedModel
from schemas.names import Lane, ModelKey, PipelineName


class ModelStep(msgspec.Struct, frozen=True, tag="ModelStep", tag_field="step"):
    """One model answers every request."""

    model: PinnedModel


class WeightedModel(msgspec.Struct, frozen=True):
    """An arm of a split. The weight is kept as given (an int stays an int)."""

    weight: int | float
    model: PinnedModel


class RandomSplit(msgspec.Struct, frozen=True, tag="RandomSplit", tag_field="step"):
    """One of several models answers, chosen by weighted hash or by the value of `hash_key`."""

    arms: tuple[WeightedModel, ...]
    hash_key: str | None = None


class ShadowDeploy(msgspec.Struct, frozen=True, tag="ShadowDeploy", tag_field="step"):
    """The champion answers; every challenger sees the same input and is recorded."""

    champion: PinnedModel
    challengers: tuple[PinnedModel, ...]
    share: float = 1.0
    """Fraction of requests that the challengers see, by request hash."""


class Validation(msgspec.Struct, frozen=True):
    """A rule over `in.*` and `out.*`: true means anomaly. expression: a tree as JSON, see `adapters.rules`."""

    name: str
    expression: str


Step = ModelStep | RandomSplit | ShadowDeploy


class PipelineVersion(msgspec.Struct, frozen=True):
    """Immutable. created_at in Unix milliseconds."""

    workspace: str
    name: str
    version: str
    steps: tuple[Step, ...]
    created_at: int
    validations: tuple[Validation, ...] = ()
    frame_age_ms_max: int | None = None
    """A frame that is older when its turn comes is answered as expired. None: however old it is."""

    @property
    def pipeline(self) -> PipelineName:
        """The pipeline that this is a version of."""
        return PipelineName(self.workspace, self.name)

    def models(self) -> Iterator[PinnedModel]:
        """Every model of every step, in order."""
        for step in self.steps:
            yield from step_models(step)

    def find(self, key: ModelKey) -> PinnedModel:
        """The pinned model of this key; KeyError where no step has it."""
        for pinned in self.models():
            if pinned.key == key:
                return pinned
        raise KeyError(str(key))

    def lanes(self) -> frozenset[tuple[ModelKey, Lane]]:
        """Which processes this version needs: a path is run by its first model's process,
        a challenger's path by the challenger's own."""
        if not self.steps:
            return frozenset()
        first: Iterator[PinnedModel]
        match self.steps[0]:
            case ModelStep(model=model):
                first = iter((model,))
            case RandomSplit(arms=arms):
                first = (arm.model for arm in arms)
            case ShadowDeploy(champion=champion):
                first = iter((champion,))
        official: set[tuple[ModelKey, Lane]] = {(pinned.key, "official") for pinned in first}
        shadow: set[tuple[ModelKey, Lane]] = {
            (challenger.key, "shadow")
            for step in self.steps
            if isinstance(step, ShadowDeploy)
            for challenger in step.challengers
        }
        return frozenset(official | shadow)


def replace_models(step: Step, replacement: Callable[[PinnedModel], PinnedModel]) -> Step:
    """The step with `replacement(model)` in place of each of its models."""
    match step:
        case ModelStep(model=model):
            return ModelStep(replacement(model))
        case RandomSplit(arms=arms, hash_key=hash_key):
            return RandomSplit(tuple(WeightedModel(arm.weight, replacement(arm.model)) for arm in arms), hash_key)
        case ShadowDeploy(champion=champion, challengers=challengers, share=share):
            return ShadowDeploy(replacement(champion), tuple(map(replacement, challengers)), share)


def step_models(step: Step) -> tuple[PinnedModel, ...]:
    """The models of one step, the champion first."""
    match step:
        case ModelStep(model=model):
            return (model,)
        case RandomSplit(arms=arms):
            return tuple(arm.model for arm in arms)
        case ShadowDeploy(champion=champion, challengers=challengers):
            return (champion, *challengers)


def checked_step(step: Step) -> Step:
    """`step` unchanged, or a ValueError that names the wrong argument."""
    keys = [str(pinned.key) for pinned in step_models(step)]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"models: {twice} stands twice in one step; expected each model version once")
    match step:
        case RandomSplit(arms=arms):
            if not arms:
                raise ValueError("weighted: an empty list; expected at least one (weight, model)")
            for arm in arms:
                if not math.isfinite(arm.weight) or arm.weight < 0:
                    raise ValueError(
                        f"weight: {arm.weight!r} for {arm.model.model.name}; expected a finite number >= 0"
                    )
            if sum(arm.weight for arm in arms) == 0:
                raise ValueError("weights: they sum to 0; expected at least one above 0")
        case ShadowDeploy(challengers=challengers, share=share):
            if not challengers:
                raise ValueError("challengers: an empty list; expected at least one model version")
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"share: {share!r}; expected a number from 0.0 to 1.0")
        case ModelStep():
            pass
    return step
