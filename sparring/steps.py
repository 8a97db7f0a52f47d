"""Steps as a user gives them, and as `steps()` prints them. Pure, but for looking up models.

What a pipeline's handle holds: the latest version's steps and rules, until it is edited. Pure.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, assert_never
from uuid import uuid4

import numpy as np

from adapters.clock import now_ms
from schemas.catalog import Catalog
from schemas.errors import EntityNotFoundError
from schemas.models import Configuration, PinnedModel
from schemas.names import ModelKey, PipelineName
from schemas.pipelines import (
    ModelStep,
    PipelineVersion,
    RandomSplit,
    ShadowDeploy,
    Step,
    Validation,
    WeightedModel,
    checked_step,
    step_models,
)
from sparring.checks import checked_number, checked_text
from sparring.model import ModelVersion

WEIGHT_MAX: Final = 1e15
"""Far from where the sum of some could be infinite."""


def model_step(model: object) -> Step:
    """One model; TypeError for anything else."""
    return ModelStep(_pinned("model", model))


def random_split(weighted: object, hash_key: object) -> Step:
    """`[(weight, model), ...]`; TypeError or ValueError that names the argument."""
    if hash_key is not None and (not isinstance(hash_key, str) or not hash_key):
        raise TypeError(f"hash_key: {hash_key!r}; expected a field's name, or None")
    field = None if hash_key is None else checked_text("hash_key", hash_key, "a field's name, or None")
    arms = []
    for pair in _listed("weighted", weighted, "(weight, model) pairs"):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"weighted: {pair!r}; expected a pair (weight, model)")
        weight = checked_number("weighted: weight", pair[0])
        if WEIGHT_MAX < weight < math.inf:
            raise ValueError(f"weighted: weight: {weight}; expected at most {WEIGHT_MAX:g}")
        arms.append(WeightedModel(weight, _pinned("weighted", pair[1])))
    return _checked("weighted", RandomSplit(tuple(arms), field))


def shadow_deploy(champion: object, challengers: object, share: object) -> Step:
    """A champion and its challengers; TypeError or ValueError that names the argument."""
    fraction = float(checked_number("share", share))
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"share: {fraction!r}; expected a number from 0.0 to 1.0")
    others = tuple(_pinned("challengers", one) for one in _listed("challengers", challengers, "model versions"))
    return _checked("challengers", ShadowDeploy(_pinned("champion", champion), others, fraction))


def checked_index(index: object, steps: Sequence[Step], checks: int = 0) -> int:
    """`index` as it came; ValueError outside 0..len-1. checks: how many validations `steps()` shows behind them."""
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise TypeError(f"index: {index!r}; expected a whole number")
    if not 0 <= index < len(steps):
        what = f"0 to {len(steps) - 1}" if steps else "none: the pipeline has no steps"
        if len(steps) <= index < len(steps) + checks:
            what += "; a Check is a validation: add_validations and remove_validation change it by its name"
        raise ValueError(f"index: {index}; expected {what}")
    return int(index)


def repinned(step: Step, configurations: Mapping[ModelKey, Configuration]) -> Step:
    """The step with each model's newest configuration."""

    def newest(pinned: PinnedModel) -> PinnedModel:
        return PinnedModel(pinned.model, configurations.get(pinned.key, pinned.configuration))

    match step:
        case ModelStep(model=model):
            return ModelStep(newest(model))
        case RandomSplit(arms=arms):
            arms = tuple(WeightedModel(arm.weight, newest(arm.model)) for arm in arms)
            return RandomSplit(arms, step.hash_key)
        case ShadowDeploy(champion=champion, challengers=challengers):
            return ShadowDeploy(newest(champion), tuple(newest(one) for one in challengers), step.share)
        case _:
            assert_never(step)


def as_dictionary(step: Step) -> dict[str, Any]:
    """A step as `steps()` prints it."""
    match step:
        case ModelStep(model=model):
            return {"ModelInference": {"models": [_named(model)]}}
        case RandomSplit(arms=arms, hash_key=hash_key):
            weights = [{"model": _named(arm.model), "weight": arm.weight} for arm in arms]
            return {"RandomSplit": {"hash_key": hash_key, "weights": weights}}
        case ShadowDeploy(champion=champion, challengers=challengers, share=share):
            shadow: dict[str, Any] = {
                "champion": _named(champion),
                "challengers": [_named(one) for one in challengers],
            }
            return {"ShadowDeploy": shadow if share == 1.0 else {**shadow, "share": share}}
        case _:
            assert_never(step)


def check_as_dictionary(rule: Validation) -> dict[str, Any]:
    """A validation as `steps()` prints it: polars' tree of the expression, named by an alias, as JSON."""
    return {"Check": {"tree": [f'{{"Alias":[{rule.expression},{json.dumps(rule.name)}]}}']}}


def first_model(steps: Sequence[Step]) -> str:
    """What the pipeline's table shows: the first model of the first step."""
    return step_models(steps[0])[0].model.name if steps else ""


def _named(pinned: PinnedModel) -> dict[str, str]:
    return {"name": pinned.model.name, "version": pinned.model.version, "sha": pinned.model.sha256}


def _pinned(argument: str, model: object) -> PinnedModel:
    if not isinstance(model, ModelVersion):
        raise TypeError(
            f"{argument}: {type(model).__name__} {model!r}; expected a model version, as upload_model returns it"
        )
    try:
        return model.pinned()
    except EntityNotFoundError as error:
        raise EntityNotFoundError(f"{argument}: {error}") from None


def _listed(argument: str, given: object, of: str) -> Sequence[object]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"{argument}: {type(given).__name__}; expected a list of {of}")
    if not given:
        raise ValueError(f"{argument}: an empty list; expected a list of {of}")
    return given


def _checked(argument: str, step: Step) -> Step:
    try:
        return checked_step(step)
    except ValueError as error:
        raise ValueError(f"{argument}: {error}") from None


class Draft:
    """Steps, validation rules, and how old a frame may be. latest: asks for the version that an edit begins with."""

    def __init__(self, latest: Callable[[], PipelineVersion], steps: Sequence[Step] | None) -> None:
        self._latest = latest
        self._steps = None if steps is None else list(steps)
        self._rules: dict[str, Validation] | None = None if steps is None else {}
        self._frame_age_ms_max: int | None = None

    @property
    def edited(self) -> bool:
        """Whether it differs from the latest version, as far as the handle knows."""
        return self._steps is not None

    @property
    def steps(self) -> list[Step]:
        """A copy."""
        return list(self._latest().steps if self._steps is None else self._steps)

    @property
    def rules(self) -> dict[str, Validation]:
        """A copy, by name."""
        if self._rules is None:
            return {rule.name: rule for rule in self._latest().validations}
        return dict(self._rules)

    @property
    def frame_age_ms_max(self) -> int | None:
        """None: however old."""
        return self._frame_age_ms_max if self.edited else self._latest().frame_age_ms_max

    def allow_frame_age(self, frame_age_ms_max: int | None) -> None:
        """Another age."""
        self._edit(self.steps, self.rules)
        self._frame_age_ms_max = frame_age_ms_max

    def append(self, step: Step) -> None:
        """Add a step at the end."""
        self._edit([*self.steps, step], self.rules)

    def replace(self, index: int, step: Step) -> None:
        """Another step at `index`; ValueError outside 0..len-1."""
        steps = self.steps
        steps[checked_index(index, steps, len(self.rules))] = step
        self._edit(steps, self.rules)

    def remove(self, index: int) -> None:
        """Drop the step at `index`; ValueError outside 0..len-1."""
        steps = self.steps
        del steps[checked_index(index, steps, len(self.rules))]
        self._edit(steps, self.rules)

    def clear(self) -> None:
        """Drop all steps, and the rules that look at their outputs."""
        self._edit([], {})

    def add_rules(self, rules: dict[str, Validation]) -> None:
        """Add rules; one of a name that is there is replaced."""
        self._edit(self.steps, {**self.rules, **rules})

    def remove_rule(self, name: object) -> None:
        """Drop one rule; ValueError where there is none of this name."""
        checked_text("name", name, "the name of a rule")
        rules = self.rules
        if name not in rules:
            raise ValueError(f"name: {name!r}; expected one of {sorted(rules)}")
        del rules[name]
        self._edit(self.steps, rules)

    def version(self, name: PipelineName, catalog: Catalog) -> PipelineVersion:
        """A new version of it, with each model's newest configuration."""
        steps = tuple(repinned(step, catalog.configurations) for step in self.steps)
        return PipelineVersion(
            name.workspace, name.name, str(uuid4()), steps, now_ms(), tuple(self.rules.values()), self.frame_age_ms_max
        )

    def forget(self) -> None:
        """Drop the edits: the latest version has them, or they are not wanted."""
        self._steps = self._rules = None

    def _edit(self, steps: list[Step], rules: dict[str, Validation]) -> None:
        self._frame_age_ms_max = self.frame_age_ms_max  # before it counts as edited
        self._steps, self._rules = steps, rules
