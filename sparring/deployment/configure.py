"""The arguments of `ModelVersion.configure()`, checked for one model. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from schemas import models
from schemas.models import Configuration, TensorSpec
from schemas.signatures import check_signature
from sparring.checks import checked_count, checked_number, checked_texts
from sparring.deployment.image_settings import checked_image
from sparring.vision.coco import COCO, COCO_NAMES

BATCH_ROWS_MAX: Final = 1_000_000
BATCH_WAIT_MS_MAX: Final = 60_000.0


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
        image=checked_image(model, model.inputs if inputs is None else inputs, image, rows_max),
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


def why_not_batched(pinned: models.PinnedModel) -> str | None:
    """Why `batch_rows_max` has no effect on this model; None if requests share runs, or are configured not to."""
    configured = pinned.configuration
    if configured.batch_rows_max == 1 or configured.batch_config == "single" or configured.outputs_per_row is False:
        return None
    for spec in pinned.inputs:
        if spec.shape is None or spec.shape[:1] != (None,):
            return f"the input {spec.name!r} has the shape {spec.shown_shape}, whose first dimension is not free"
    if not pinned.outputs_per_row:
        unstated = next(spec for spec in pinned.outputs if not spec.per_row)
        why = f"the file does not say that the output {unstated.name!r}, {unstated.shown_shape}, has an entry per row"
        return why if unstated.per_row is False else f"{why}; where it has, set outputs_per_row=True"
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
    """An array by its innermost type: a column of lists holds one array per row."""
    kind: Any = field.type
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return TensorSpec(field.name, "string")
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValueError(f"{argument}: {field.name} is a {field.type}; expected numbers, text, or lists of them")
    return TensorSpec(field.name, np.dtype(kind.to_pandas_dtype()).name)


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
