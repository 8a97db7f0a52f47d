"""What `configure()` takes, checked. Pure."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from schemas import models
from schemas.models import Configuration, ImageSettings, TensorSpec
from sparring.checks import checked_count, checked_number, checked_texts
from sparring.fields import struct_of
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
    if runtime is not None and not isinstance(runtime, str):
        raise TypeError(f"runtime: {type(runtime).__name__}; expected {framework!r}, or None")
    if runtime is not None and runtime != framework:
        raise ValueError(
            f"runtime: {runtime!r}; {model.name} was uploaded as {framework!r}; expected {framework!r}, or None"
        )
    return framework


def _checked_fields(model: models.ModelVersion, fields: object) -> tuple[str, ...] | None:
    if fields is None:
        return None
    columns = checked_texts("tensor_fields", fields, "a list of column names")
    inputs = model.inputs
    if model.framework == "onnx" and len(columns) != len(inputs):
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
        image = msgspec.structs.asdict(image)  # nobody has checked what stands in it
    if not isinstance(image, Mapping):
        raise TypeError(f"image: {type(image).__name__}; expected a dictionary or ImageSettings")
    settings = struct_of("image", image, ImageSettings)
    for name in ("width", "height"):
        pixels = getattr(settings, name)
        if pixels is not None and not 1 <= pixels <= SIDE_PX_MAX:
            raise ValueError(f"image: {name} {pixels}; expected 1 to {SIDE_PX_MAX} pixels")
    if not all(map(math.isfinite, (settings.scale, *settings.mean, *settings.std))) or 0 in settings.std:
        raise ValueError(
            f"image: scale {settings.scale}, mean {settings.mean}, std {settings.std}; "
            "expected finite numbers, and none of std 0"
        )
    return settings


def _checked_batch_config(batch_config: object) -> Any:
    if batch_config is not None and not (isinstance(batch_config, str) and batch_config == "single"):
        raise ValueError(f"batch_config: {batch_config!r}; expected None or 'single'")
    return batch_config


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
