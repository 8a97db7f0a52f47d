"""What `configure()` takes, checked. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from schemas import models
from schemas.models import Configuration, ImageSettings, TensorSpec
from sparring.vision.coco import COCO, COCO_NAMES


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
) -> Configuration:
    """The arguments of `ModelVersion.configure` for this model; TypeError or ValueError that names what is wrong."""
    return Configuration(
        runtime=_checked_runtime(model, runtime),
        tensor_fields=_checked_fields(model, tensor_fields),
        batch_config=_checked_batch_config(batch_config),
        inputs=_checked_schema(model, "input_schema", input_schema),
        outputs=_checked_schema(model, "output_schema", output_schema),
        image=image_settings(image),
        batch_rows_max=_checked_rows(batch_rows_max),
        batch_wait_ms_max=_checked_wait(batch_wait_ms_max),
        class_names=_checked_class_names(class_names),
    )


def _checked_runtime(model: models.ModelVersion, runtime: object) -> models.Framework:
    framework = model.framework
    if runtime is not None and runtime != framework:
        raise ValueError(f"runtime: {runtime!r}; {model.name} was uploaded as {framework!r}")
    return framework


def _checked_fields(model: models.ModelVersion, fields: object) -> tuple[str, ...] | None:
    if fields is None:
        return None
    if isinstance(fields, str) or not isinstance(fields, Sequence):
        raise TypeError(f"tensor_fields: {fields!r}; expected a list of column names")
    for field in fields:
        if not isinstance(field, str):
            raise TypeError(f"tensor_fields: {field!r} is no text; expected a list of column names")
    inputs = model.inputs
    if model.framework == "onnx" and len(fields) != len(inputs):
        raise ValueError(
            f"tensor_fields: {len(fields)} columns for {len(inputs)} inputs of {model.name}; "
            f"expected one for each of {[spec.name for spec in inputs]}"
        )
    return tuple(fields)


def _checked_schema(model: models.ModelVersion, argument: str, schema: object) -> tuple[TensorSpec, ...] | None:
    if model.framework == "onnx":
        if schema is not None:
            raise ValueError(f"{argument}: an ONNX model's own is read from its file; leave it out")
        return None
    if not isinstance(schema, pa.Schema):
        raise TypeError(f"{argument}: {type(schema).__name__}; a Python step needs a pyarrow.schema([...])")
    if len(schema) == 0:
        raise ValueError(f"{argument}: it has no fields; expected one per array")
    return tuple(_tensor(argument, field) for field in schema)


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


def image_settings(image: object) -> ImageSettings:
    """ImageSettings as given or from its fields; TypeError or ValueError that names what is wrong."""
    if image is None:
        return ImageSettings()
    if isinstance(image, ImageSettings):
        return image
    if not isinstance(image, Mapping):
        raise TypeError(f"image: {type(image).__name__}; expected a dictionary or ImageSettings")
    known = ImageSettings.__struct_fields__
    unknown = [name for name in image if name not in known]
    if unknown:
        raise ValueError(f"image: unknown {unknown}; expected some of {list(known)}")
    try:
        return msgspec.convert(dict(image), ImageSettings)
    except msgspec.ValidationError as error:
        raise ValueError(f"image: {error}") from None


def _checked_batch_config(batch_config: object) -> Any:
    if batch_config is not None and batch_config != "single":
        raise ValueError(f"batch_config: {batch_config!r}; expected None or 'single'")
    return batch_config


def _checked_rows(rows: object) -> int:
    if isinstance(rows, bool) or not isinstance(rows, int):
        raise TypeError(f"batch_rows_max: {rows!r}; expected a whole number")
    if rows < 1:
        raise ValueError(f"batch_rows_max: {rows}; expected at least 1")
    return rows


def _checked_wait(wait_ms: object) -> float:
    if isinstance(wait_ms, bool) or not isinstance(wait_ms, int | float):
        raise TypeError(f"batch_wait_ms_max: {wait_ms!r}; expected milliseconds")
    if not math.isfinite(wait_ms) or wait_ms < 0:
        raise ValueError(f"batch_wait_ms_max: {wait_ms}; expected a finite number of milliseconds >= 0")
    return float(wait_ms)


def _checked_class_names(names: object) -> tuple[str, ...] | None:
    if names is None:
        return None
    if names == COCO:
        return COCO_NAMES
    if isinstance(names, str) or not isinstance(names, Sequence):
        came = repr(names) if isinstance(names, str) else type(names).__name__
        raise TypeError(f"class_names: {came}; expected a list of text, one per class number, or {COCO!r}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"class_names: {name!r} is no text; expected a list of text, one per class number")
    if not names:
        raise ValueError("class_names: an empty list; expected one name per class number, or None")
    return tuple(names)
