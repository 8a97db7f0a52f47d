"""Steps as arguments of a pipeline's calls, and as `steps()` prints them. Pure, except that models are looked up."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final, assert_never

from schemas.errors import EntityNotFoundError
from schemas.models import PinnedModel
from schemas.pipelines import (
    ModelStep,
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
"""Small enough that no sum of weights is infinite."""


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
    """The first model of the first step, which the pipeline's row shows; empty without steps."""
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
