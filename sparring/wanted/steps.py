"""Reads the steps of a pipeline file. Which models there are is not known here."""

from typing import Final

from schemas.names import checked_name
from sparring.wanted.nouns import ModelName, WantedModelStep, WantedShadow, WantedSplit, WantedStep
from sparring.wanted.place import Place

KINDS: Final = ("model", "random_split", "shadow_deploy")
SPLIT_KEYS: Final = ("hash_key", "weights")
WEIGHT_KEYS: Final = ("model", "weight")
SHADOW_KEYS: Final = ("champion", "challengers", "share")

_MODEL: Final = "a model, NAME or NAME@VERSION"


def read_steps(place: Place) -> tuple[WantedStep, ...]:
    """The steps; WrongFile where one is none, or there are none."""
    steps = place.items("steps")
    if not steps:
        raise place.wrong("at least one step")
    return tuple(_step(one) for one in steps)


def _step(place: Place) -> WantedStep:
    fields = place.known(KINDS)
    if len(fields) != 1:
        raise place.wrong(f"one of {', '.join(KINDS)}")
    ((kind, inside),) = fields.items()
    match kind:
        case "model":
            return WantedModelStep(_model(inside), inside)
        case "random_split":
            return _split(inside)
        case _:
            return _shadow(inside)


def _split(place: Place) -> WantedSplit:
    fields = place.known(SPLIT_KEYS, required=("weights",))
    weights = []
    for one in fields["weights"].items("{model, weight}"):
        arm = one.known(WEIGHT_KEYS, required=WEIGHT_KEYS)
        weights.append((arm["weight"].number("a finite number >= 0", 0), _model(arm["model"])))
    if sum(weight for weight, _ in weights) == 0:
        raise fields["weights"].wrong("at least one {model, weight} with a weight above 0")
    hash_key = fields["hash_key"].text("the name of a column or header") if "hash_key" in fields else None
    return WantedSplit(tuple(weights), hash_key, place)


def _shadow(place: Place) -> WantedShadow:
    fields = place.known(SHADOW_KEYS, required=("champion", "challengers"))
    challengers = fields["challengers"].items("models, NAME or NAME@VERSION")
    if not challengers:
        raise fields["challengers"].wrong("at least one model")
    share = fields["share"].number("a number from 0.0 to 1.0", 0, 1) if "share" in fields else 1.0
    return WantedShadow(_model(fields["champion"]), tuple(_model(one) for one in challengers), float(share), place)


def _model(place: Place) -> ModelName:
    name, at, version = place.text(_MODEL).partition("@")
    try:
        checked_name("", name)
    except ValueError:
        raise place.wrong(_MODEL) from None
    if at and not version:
        raise place.wrong(_MODEL)
    return ModelName(name, version or None, place)
