"""Reads a pipeline file: the format of docs/pipeline-file.md, and nothing else.

The arguments of `configure()` in a pipeline file. What they may be, `sparring.configuration` says.

Reads the validation rules of a pipeline file: SQL, which `adapters.rules` has polars parse.

Reads the steps of a pipeline file. Which models there are is not known here.
"""

import inspect
import re
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from adapters.rules import parsed
from schemas.limits import FRAME_AGE_MS_LIMIT
from schemas.names import PipelineName, checked_name, checked_tag
from schemas.pipelines import Validation
from sparring.checks import checked_count
from sparring.deployment.configure import configuration
from sparring.framework import Framework
from sparring.pipeline_file.spec import (
    ModelName,
    Wanted,
    WantedModel,
    WantedModelStep,
    WantedShadow,
    WantedSplit,
    WantedStep,
)
from sparring.pipeline_file.yaml import Place, read_yaml

ARGUMENTS: Final = tuple(name for name in inspect.signature(configuration).parameters if name != "model")
_SCHEMAS: Final = ("input_schema", "output_schema")
_LIST: Final = re.compile(r"list<(.+)>")
_TYPE: Final = "a type: float, double, int64, bool, string, or a list of one, such as list<float>"


def read_arguments(place: Place) -> dict[str, Any]:
    """As `configure()` takes them, by name; schemas as pyarrow's, the rest as it stands."""
    fields = place.known(ARGUMENTS)
    return {name: _schema(one) if name in _SCHEMAS else one.value for name, one in fields.items()}


def _schema(place: Place) -> pa.Schema:
    fields = place.fields("a mapping of types by name, such as boxes: list<float>")
    found: list[pa.Field[Any]] = [pa.field(name, _type(one, one.text(_TYPE))) for name, one in fields.items()]
    return pa.schema(found)


def _type(place: Place, text: str) -> Any:
    if inside := _LIST.fullmatch(text):
        return pa.list_(_type(place, inside[1].strip()))
    by_name: Any = pa.type_for_alias  # its stubs know only literals
    try:
        return by_name(text)
    except ValueError:
        raise place.wrong(_TYPE) from None


EXAMPLE: Final = """ARRAY_GET("out.variable", 1) > 1000000.0"""


def read_rules(place: Place) -> tuple[Validation, ...]:
    """The rules by name; WrongFile where one is none."""
    return tuple(_rule(name, one) for name, one in place.fields("a mapping of rules by name").items())


def _rule(name: str, place: Place) -> Validation:
    text = place.text(f"a rule in SQL, such as {EXAMPLE}")
    try:
        return parsed(name, text)
    except (TypeError, ValueError) as error:
        raise place.refused(f"{error}; a rule here is SQL, not Python, such as {EXAMPLE}") from error


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
            return WantedModelStep(_model_name(inside), inside)
        case "random_split":
            return _split(inside)
        case _:
            return _shadow(inside)


def _split(place: Place) -> WantedSplit:
    fields = place.known(SPLIT_KEYS, required=("weights",))
    weights = []
    for one in fields["weights"].items("{model, weight}"):
        arm = one.known(WEIGHT_KEYS, required=WEIGHT_KEYS)
        weights.append((arm["weight"].number("a finite number >= 0", 0), _model_name(arm["model"])))
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
    return WantedShadow(
        _model_name(fields["champion"]), tuple(_model_name(one) for one in challengers), float(share), place
    )


def _model_name(place: Place) -> ModelName:
    name, at, version = place.text(_MODEL).partition("@")
    try:
        checked_name("", name)
    except ValueError:
        raise place.wrong(_MODEL) from None
    if at and not version:
        raise place.wrong(_MODEL)
    return ModelName(name, version or None, place)


KEYS: Final = ("workspace", "pipeline", "tags", "models", "steps", "validations", "frame_age_ms_max", "deployed")
MODEL_KEYS: Final = ("path", "framework", "configure")


def read_wanted(content: bytes, folder: Path, workspace: str) -> Wanted:
    """What the file wants.

    Args:
        content: YAML.
        folder: what the models' paths are relative to.
        workspace: where the file names none.

    Raises:
        WrongFile: it names the place in the file.
    """
    fields = Place("", read_yaml(content)).known(KEYS, required=("pipeline", "steps"))
    return Wanted(
        pipeline=PipelineName(
            _name(fields["workspace"]) if "workspace" in fields else workspace, _name(fields["pipeline"])
        ),
        tags=_tags(fields["tags"]) if "tags" in fields else None,
        models=_models(fields["models"], folder) if "models" in fields else (),
        steps=read_steps(fields["steps"]),
        validations=read_rules(fields["validations"]) if "validations" in fields else (),
        frame_age_ms_max=_age(fields["frame_age_ms_max"]) if "frame_age_ms_max" in fields else None,
        deployed=fields["deployed"].flag() if "deployed" in fields else True,
    )


def _name(place: Place) -> str:
    try:
        return checked_name("", place.value)
    except ValueError:
        raise place.wrong("letters, digits and dashes, starting with a letter, under 64 characters") from None


def _age(place: Place) -> int:
    try:
        return checked_count("", place.value, 1, FRAME_AGE_MS_LIMIT)
    except (TypeError, ValueError):
        raise place.wrong(f"milliseconds, 1 to {FRAME_AGE_MS_LIMIT}") from None


def _tags(place: Place) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_tag(one) for one in place.items("tags")))


def _tag(place: Place) -> str:
    try:
        return checked_tag(place.value)
    except ValueError:
        raise place.wrong("printable text without commas, under 64 characters") from None


def _models(place: Place, folder: Path) -> tuple[WantedModel, ...]:
    return tuple(_model_of(name, one, folder) for name, one in place.fields("a mapping of models by name").items())


def _model_of(name: str, place: Place, folder: Path) -> WantedModel:
    _name(Place(place.path, name))
    fields = place.known(MODEL_KEYS, required=("path",))
    path = fields["path"].text("a path, relative to this file")
    if not (folder / path).is_file():
        raise fields["path"].wrong(f"a file; {folder / path} is none")
    framework = Framework.ONNX
    if "framework" in fields:
        if fields["framework"].value not in list(Framework):
            raise fields["framework"].wrong(" or ".join(Framework))
        framework = Framework(fields["framework"].text())
    arguments = read_arguments(fields["configure"]) if "configure" in fields else None
    return WantedModel(name, folder / path, path, framework, arguments, place)
