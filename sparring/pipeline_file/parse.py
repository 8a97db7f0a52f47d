"""Reads a pipeline file into a `PipelineSpec`: the format of docs/pipeline-file.md, and nothing else.

Every error is a `WrongFile` that names the path in the file, the value, and what was expected. The readers are written
by hand for these messages: msgspec.convert names only types, shows no value, and does not list the accepted keys.
Rules are SQL, which `adapters.rules` has polars parse. What the arguments of `configure()` may be is checked later, by
`sparring.deployment.configure`, for the model's own inputs.
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
    ModelReference,
    ModelSpec,
    ModelStepSpec,
    PipelineSpec,
    RandomSplitSpec,
    ShadowDeploySpec,
    StepSpec,
)
from sparring.pipeline_file.yaml import Node, read_yaml

_KEYS: Final = ("workspace", "pipeline", "tags", "models", "steps", "validations", "frame_age_ms_max", "deployed")
_MODEL_KEYS: Final = ("path", "framework", "configure")
_KINDS: Final = ("model", "random_split", "shadow_deploy")
_SPLIT_KEYS: Final = ("hash_key", "weights")
_WEIGHT_KEYS: Final = ("model", "weight")
_SHADOW_KEYS: Final = ("champion", "challengers", "share")

_MODEL: Final = "a model, NAME or NAME@VERSION"
_ARGUMENTS: Final = tuple(name for name in inspect.signature(configuration).parameters if name != "model")
_SCHEMAS: Final = ("input_schema", "output_schema")
_LIST: Final = re.compile(r"list<(.+)>")
_TYPE: Final = "a type: float, double, int64, bool, string, or a list of one, such as list<float>"
EXAMPLE: Final = """ARRAY_GET("out.variable", 1) > 1000000.0"""


def read_pipeline_file(content: bytes, folder: Path, workspace: str) -> PipelineSpec:
    """The pipeline that the file states.

    Args:
        content: the file's bytes, YAML.
        folder: the folder that the models' paths are relative to.
        workspace: the workspace if the file names none.

    Raises:
        WrongFile: the file states what cannot be; the message begins with the path in the file.
    """
    fields = Node("", read_yaml(content)).known(_KEYS, required=("pipeline", "steps"))
    return PipelineSpec(
        pipeline=PipelineName(
            _name(fields["workspace"]) if "workspace" in fields else workspace, _name(fields["pipeline"])
        ),
        tags=_tags(fields["tags"]) if "tags" in fields else None,
        models=_models(fields["models"], folder) if "models" in fields else (),
        steps=_steps(fields["steps"]),
        validations=_rules(fields["validations"]) if "validations" in fields else (),
        frame_age_ms_max=_age(fields["frame_age_ms_max"]) if "frame_age_ms_max" in fields else None,
        deployed=fields["deployed"].flag() if "deployed" in fields else True,
    )


def _name(node: Node) -> str:
    try:
        return checked_name("", node.value)
    except ValueError:
        raise node.wrong("letters, digits and dashes, starting with a letter, under 64 characters") from None


def _age(node: Node) -> int:
    try:
        return checked_count("", node.value, 1, FRAME_AGE_MS_LIMIT)
    except (TypeError, ValueError):
        raise node.wrong(f"milliseconds, 1 to {FRAME_AGE_MS_LIMIT}") from None


def _tags(node: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_tag(one) for one in node.items("tags")))


def _tag(node: Node) -> str:
    try:
        return checked_tag(node.value)
    except ValueError:
        raise node.wrong("printable text without commas, under 64 characters") from None


def _models(node: Node, folder: Path) -> tuple[ModelSpec, ...]:
    return tuple(_model_of(name, one, folder) for name, one in node.fields("a mapping of models by name").items())


def _model_of(name: str, node: Node, folder: Path) -> ModelSpec:
    _name(Node(node.path, name))
    fields = node.known(_MODEL_KEYS, required=("path",))
    path = fields["path"].text("a path, relative to this file")
    if not (folder / path).is_file():
        raise fields["path"].wrong(f"a file; {folder / path} is none")
    framework = Framework.ONNX
    if "framework" in fields:
        if fields["framework"].value not in list(Framework):
            raise fields["framework"].wrong(" or ".join(Framework))
        framework = Framework(fields["framework"].text())
    arguments = _arguments(fields["configure"]) if "configure" in fields else None
    return ModelSpec(name, folder / path, path, framework, arguments, node)


def _steps(node: Node) -> tuple[StepSpec, ...]:
    """The steps, at least one."""
    steps = node.items("steps")
    if not steps:
        raise node.wrong("at least one step")
    return tuple(_step(one) for one in steps)


def _step(node: Node) -> StepSpec:
    fields = node.known(_KINDS)
    if len(fields) != 1:
        raise node.wrong(f"one of {', '.join(_KINDS)}")
    ((kind, inside),) = fields.items()
    match kind:
        case "model":
            return ModelStepSpec(_model_name(inside), inside)
        case "random_split":
            return _split(inside)
        case _:
            return _shadow(inside)


def _split(node: Node) -> RandomSplitSpec:
    fields = node.known(_SPLIT_KEYS, required=("weights",))
    weights = []
    for one in fields["weights"].items("{model, weight}"):
        arm = one.known(_WEIGHT_KEYS, required=_WEIGHT_KEYS)
        weights.append((arm["weight"].number("a finite number >= 0", 0), _model_name(arm["model"])))
    if sum(weight for weight, _ in weights) == 0:
        raise fields["weights"].wrong("at least one {model, weight} with a weight above 0")
    hash_key = fields["hash_key"].text("the name of a column or header") if "hash_key" in fields else None
    return RandomSplitSpec(tuple(weights), hash_key, node)


def _shadow(node: Node) -> ShadowDeploySpec:
    fields = node.known(_SHADOW_KEYS, required=("champion", "challengers"))
    challengers = fields["challengers"].items("models, NAME or NAME@VERSION")
    if not challengers:
        raise fields["challengers"].wrong("at least one model")
    share = fields["share"].number("a number from 0.0 to 1.0", 0, 1) if "share" in fields else 1.0
    return ShadowDeploySpec(
        _model_name(fields["champion"]), tuple(_model_name(one) for one in challengers), float(share), node
    )


def _model_name(node: Node) -> ModelReference:
    name, at, version = node.text(_MODEL).partition("@")
    try:
        checked_name("", name)
    except ValueError:
        raise node.wrong(_MODEL) from None
    if at and not version:
        raise node.wrong(_MODEL)
    return ModelReference(name, version or None, node)


def _rules(node: Node) -> tuple[Validation, ...]:
    """The validation rules, in the order of the file."""
    return tuple(_rule(name, one) for name, one in node.fields("a mapping of rules by name").items())


def _rule(name: str, node: Node) -> Validation:
    text = node.text(f"a rule in SQL, such as {EXAMPLE}")
    try:
        return parsed(name, text)
    except (TypeError, ValueError) as error:
        raise node.refused(f"{error}; a rule here is SQL, not Python, such as {EXAMPLE}") from error


def _arguments(node: Node) -> dict[str, Any]:
    """The arguments of `configure()` by name: schemas as pyarrow schemas, all others as the file has them."""
    fields = node.known(_ARGUMENTS)
    return {name: _schema(one) if name in _SCHEMAS else one.value for name, one in fields.items()}


def _schema(node: Node) -> pa.Schema:
    fields = node.fields("a mapping of types by name, such as boxes: list<float>")
    found: list[pa.Field[Any]] = [pa.field(name, _type(one, one.text(_TYPE))) for name, one in fields.items()]
    return pa.schema(found)


def _type(node: Node, text: str) -> Any:
    if inside := _LIST.fullmatch(text):
        return pa.list_(_type(node, inside[1].strip()))
    by_name: Any = pa.type_for_alias  # its stubs accept literals only
    try:
        return by_name(text)
    except ValueError:
        raise node.wrong(_TYPE) from None
