"""What `configure()` takes, checked. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from schemas import models
from schemas.errors import Refused
from schemas.models import Configuration, GivenInput, ImageSettings, TensorSpec
from schemas.pictures.inputs import WORDS, check_beside, may_take_a_picture, picture_input
from schemas.signatures import check_signature
from sparring.checks import checked_count, checked_number, checked_texts, plain, struct_of
from sparring.vision.coco import COCO, COCO_NAMES

BATCH_ROWS_MAX: Final = 1_000_000
BATCH_WAIT_MS_MAX: Final = 60_000.0
SIDE_PX_MAX: Final = 65_535
"""Of a side of what images are resized to: more than any encoded image has."""


def configuration(
    model: models.ModelVersion,
    *,
    runtime: object = None,
    tensor_fields: object = None,
    batch_config: object = None,
    input_schema: object = None,
    output_schema: object = None,
    image: object = None,
    batch_rows_max: object = 1,
    batch_wait_ms_max: object = 0.0,
    class_names: object = None,
    outputs_per_row: object = None,
) -> Configuration:
    """The arguments of `ModelVersion.configure` for this model; TypeError or ValueError that names what is wrong."""
    framework = _checked_runtime(model, runtime)
    inputs = _checked_schema(model, "input_schema", input_schema)
    rows_max = _checked_rows(batch_rows_max)
    checked = Configuration(
        runtime=framework,
        tensor_fields=_checked_fields(model, inputs, tensor_fields),
        batch_config=_checked_batch_config(batch_config),
        inputs=inputs,
        outputs=_checked_schema(model, "output_schema", output_schema),
        image=_checked_image(model, model.inputs if inputs is None else inputs, image, rows_max),
        batch_rows_max=rows_max,
        batch_wait_ms_max=_checked_wait(batch_wait_ms_max),
        class_names=_checked_class_names(class_names),
        outputs_per_row=_checked_per_row(model, outputs_per_row),
    )
    if checked.outputs_per_row and checked.batch_config == "single":
        raise ValueError(
            "outputs_per_row: True beside batch_config='single', where a row is a whole input; expected one of the two"
        )
    return checked


def why_alone(pinned: models.PinnedModel) -> str | None:
    """Why `batch_rows_max` has no effect on this model; None where requests share runs, or are configured not to."""
    configured = pinned.configuration
    if configured.batch_rows_max == 1 or configured.batch_config == "single" or configured.outputs_per_row is False:
        return None
    for spec in pinned.inputs:
        if spec.shape is None or spec.shape[:1] != (None,):
            return f"the input {spec.name!r} has the shape {spec.shown_shape}, whose first dimension is not free"
    if not pinned.outputs_per_row:
        unsaid = next(spec for spec in pinned.outputs if not spec.per_row)
        why = f"the file does not say that the output {unsaid.name!r}, {unsaid.shown_shape}, has an entry per row"
        return why if unsaid.per_row is False else f"{why}; where it has, set outputs_per_row=True"
    return None


def _checked_runtime(model: models.ModelVersion, runtime: object) -> models.Framework:
    framework = model.framework
    if runtime is not None and not isinstance(runtime, str):
        raise TypeError(f"runtime: {type(runtime).__name__}; expected {framework!r}, or None")
    if runtime is not None and runtime != framework:
        raise ValueError(
            f"runtime: {runtime!r}; {model.name} was uploaded as {framework!r}; expected {framework!r}, or None"
        )
    return framework


def _checked_fields(
    model: models.ModelVersion, declared: Sequence[TensorSpec] | None, fields: object
) -> tuple[str, ...] | None:
    if fields is None:
        return None
    columns = checked_texts("tensor_fields", fields, "a list of column names")
    inputs = model.inputs if declared is None else declared
    if len(columns) != len(inputs):
        raise ValueError(
            f"tensor_fields: {len(columns)} columns for {len(inputs)} inputs of {model.name}; "
            f"expected one for each of {[spec.name for spec in inputs]}"
        )
    return columns


def _checked_schema(model: models.ModelVersion, argument: str, schema: object) -> tuple[TensorSpec, ...] | None:
    if model.framework == "onnx":
        if schema is not None:
            raise ValueError(
                f"{argument}: an ONNX model's own is read from its file; {type(schema).__name__} came, expected None"
            )
        return None
    if not isinstance(schema, pa.Schema):
        raise TypeError(f"{argument}: {type(schema).__name__}; a Python step needs a pyarrow.schema([...])")
    if len(schema) == 0:
        raise ValueError(f"{argument}: it has no fields; expected one per array")
    if len(set(schema.names)) < len(schema):
        raise ValueError(f"{argument}: a name stands twice among {schema.names}; expected each once")
    specs = tuple(_tensor(argument, field) for field in schema)
    try:
        check_signature(*((specs, ()) if argument == "input_schema" else ((), specs)))
    except ValueError as error:
        raise ValueError(f"{argument}: {error}") from None
    return specs


def _tensor(argument: str, field: "pa.Field[Any]") -> TensorSpec:
    """The innermost type counts: a column of lists holds one array per row."""
    kind: Any = field.type
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return TensorSpec(field.name, "string")
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValueError(f"{argument}: {field.name} is a {field.type}; expected numbers, text, or lists of them")
    return TensorSpec(field.name, np.dtype(kind.to_pandas_dtype()).name)


def _checked_image(
    model: models.ModelVersion, inputs: Sequence[TensorSpec], image: object, batch_rows_max: int
) -> ImageSettings:
    """ValueError where settings that came do not fit the model. One that takes tables only has nothing to fit."""
    settings = image_settings(image)
    if image is None or not (settings.inputs or any(may_take_a_picture(spec) for spec in inputs)):
        return settings
    try:
        picture_input(inputs, settings, explicit=True)
        check_beside(inputs, settings)
    except Refused as refusal:
        raise ValueError(f"image: {refusal.message.replace('the model', model.name, 1)}") from None
    flat = [spec.name for spec in inputs if spec.shape is not None and len(spec.shape) == 1]
    several = [one for one in settings.inputs if one.name in flat and len(one.values) > 1]
    if batch_rows_max > 1 and several:
        raise ValueError(
            f"image: inputs: {several[0].name} has one dimension, which holds {len(several[0].values)} values of one "
            f"picture; batch_rows_max {batch_rows_max} came: expected 1"
        )
    return settings


def image_settings(image: object) -> ImageSettings:
    """ImageSettings as given or from its fields; TypeError or ValueError that names what is wrong."""
    if image is None:
        return ImageSettings()
    if isinstance(image, ImageSettings):
        image = msgspec.structs.asdict(image)  # nobody has checked what stands in it
    if not isinstance(image, Mapping):
        raise TypeError(f"image: {type(image).__name__}; expected a dictionary or ImageSettings")
    fields = {name: _three(plain(value)) if name in ("mean", "std", "pad") else value for name, value in image.items()}
    if "inputs" in fields:
        fields["inputs"] = _given_inputs(fields["inputs"])
    settings = struct_of("image", fields, ImageSettings)
    _check_numbers(settings)
    _check_aspect(settings)
    return settings


def _check_numbers(settings: ImageSettings) -> None:
    for name in ("width", "height", "resize_shorter"):
        pixels = getattr(settings, name)
        if pixels is not None and not 1 <= pixels <= SIDE_PX_MAX:
            raise ValueError(f"image: {name} {pixels}; expected 1 to {SIDE_PX_MAX} pixels")
    if not all(map(math.isfinite, (settings.scale, *settings.mean, *settings.std))) or 0 in settings.std:
        raise ValueError(
            f"image: scale {settings.scale}, mean {settings.mean}, std {settings.std}; "
            "expected finite numbers, and none of std 0"
        )
    if not all(0 <= value <= 255 for value in settings.pad):
        raise ValueError(f"image: pad {list(settings.pad)}; expected pixels, 0 to 255")


def _check_aspect(settings: ImageSettings) -> None:
    """A setting without effect is a mistake: ValueError."""
    plain = ImageSettings()
    for name, aspects in (
        ("pad", ("letterbox", "crop")),
        ("place", ("letterbox",)),
        ("rounding", ("letterbox",)),
        ("resize_shorter", ("crop",)),
    ):
        value = getattr(settings, name)
        if value != getattr(plain, name) and settings.aspect not in aspects:
            shown = list(value) if isinstance(value, tuple) else value
            raise ValueError(
                f"image: {name} {shown!r} with aspect {settings.aspect!r}; expected aspect "
                f"{' or '.join(map(repr, aspects))}"
            )


def _three(value: object) -> object:
    """One number for all channels becomes three."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    return [value] * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _given_inputs(given: object) -> list[GivenInput]:
    accepted = "expected a mapping of inputs to words and numbers, as {'orig_target_sizes': 'width,height'}"
    if isinstance(given, list | tuple) and all(isinstance(one, GivenInput) for one in given):
        given = {one.name: one.values for one in given}
    if not isinstance(given, Mapping):
        raise TypeError(f"image: inputs: {type(given).__name__}; {accepted}")
    return [GivenInput(str(name), tuple(_values(str(name), value))) for name, value in given.items()]


def _values(name: str, given: object) -> Iterator[str | float]:
    """Words and numbers, from text with commas or from a list."""
    parts = given.split(",") if isinstance(given, str) else given
    parts = [parts] if isinstance(parts, int | float) else parts
    wrong = ValueError(f"image: inputs: {name}: {given!r}; expected numbers, or some of {', '.join(WORDS)}")
    if not isinstance(parts, Sequence) or not parts:
        raise wrong
    for part in parts:
        word = part.strip() if isinstance(part, str) else part
        if isinstance(word, str) and word in WORDS:
            yield word
            continue
        try:
            number = float(word)
        except (TypeError, ValueError):
            raise wrong from None
        if not math.isfinite(number):
            raise wrong
        yield number


def _checked_batch_config(batch_config: object) -> Any:
    if batch_config is not None and not (isinstance(batch_config, str) and batch_config == "single"):
        raise ValueError(f"batch_config: {batch_config!r}; expected None or 'single'")
    return batch_config


def _checked_per_row(model: models.ModelVersion, stated: object) -> bool | None:
    if stated is not None and not isinstance(stated, bool):
        raise TypeError(f"outputs_per_row: {stated!r}; expected True, False, or None: as the file says")
    for spec in model.outputs:
        if stated and spec.per_row is False:
            takes = ", ".join(f"{one.name} {one.shown_shape}" for one in model.inputs)
            raise ValueError(
                f"outputs_per_row: True; the file of {model.name} says that the output {spec.name!r} has the shape "
                f"{spec.shown_shape}, for {takes}: no entry per row; expected None or False"
            )
    return stated


def _checked_rows(rows: object) -> int:
    count = checked_count("batch_rows_max", rows, 1)
    if count > BATCH_ROWS_MAX:
        raise ValueError(f"batch_rows_max: {count}; expected 1 to {BATCH_ROWS_MAX}")
    return count


def _checked_wait(wait_ms: object) -> float:
    number = checked_number("batch_wait_ms_max", wait_ms)
    if not 0 <= number <= BATCH_WAIT_MS_MAX:
        raise ValueError(f"batch_wait_ms_max: {number}; expected 0 to {BATCH_WAIT_MS_MAX:.0f} milliseconds")
    return float(number)


def _checked_class_names(names: object) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str) and names == COCO:
        return COCO_NAMES
    texts = checked_texts("class_names", names, f"a list of text, one per class number, or {COCO!r}")
    if not texts:
        raise ValueError("class_names: an empty list; expected one name per class number, or None")
    return texts
