"""Steps as a user gives them, and as `steps()` prints them. Pure, but for looking up models."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import numpy as np

from schemas.models import Configuration, PinnedModel
from schemas.names import ModelKey
from schemas.pipelines import (
    ModelStep,
    RandomSplit,
    ShadowDeploy,
    Step,
    WeightedModel,
    checked_step,
    step_models,
)
from sparring.model import ModelVersion


def model_step(model: object) -> Step:
    """One model; TypeError for anything else."""
    return ModelStep(_pinned("model", model))


def random_split(weighted: object, hash_key: object) -> Step:
    """`[(weight, model), ...]`; TypeError or ValueError that names the argument."""
    if hash_key is not None and (not isinstance(hash_key, str) or not hash_key):
        raise TypeError(f"hash_key: {hash_key!r}; expected a field's name, or None")
    arms = []
    for pair in _listed("weighted", weighted, "(weight, model) pairs"):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"weighted: {pair!r}; expected a pair (weight, model)")
        arms.append(WeightedModel(_number("weight", pair[0]), _pinned("weighted", pair[1])))
    return checked_step(RandomSplit(tuple(arms), hash_key))


def shadow_deploy(champion: object, challengers: object, share: object) -> Step:
    """A champion and its challengers; TypeError or ValueError that names the argument."""
    return checked_step(
        ShadowDeploy(
            _pinned("champion", champion),
            tuple(_pinned("challengers", one) for one in _listed("challengers", challengers, "model versions")),
            float(_number("share", share)),
        )
    )


def checked_index(index: object, steps: Sequence[Step]) -> int:
    """`index` as it came; ValueError outside 0..len-1."""
    if isinstance(index, bool) or not isinstance(index, int):
        raise TypeError(f"index: {index!r}; expected a whole number")
    if not 0 <= index < len(steps):
        what = f"0 to {len(steps) - 1}" if steps else "none: the pipeline has no steps"
        raise ValueError(f"index: {index}; expected {what}")
    return index


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
    return model.pinned()


def _listed(argument: str, given: object, of: str) -> Sequence[object]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"{argument}: {type(given).__name__}; expected a list of {of}")
    return given


def _number(argument: str, given: object) -> int | float:
    if isinstance(given, np.generic):
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError(f"{argument}: {given!r}; expected a number")
    return given
