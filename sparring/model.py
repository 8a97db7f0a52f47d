"""A model version as its user holds it: the immutable file, and the configuration beside it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from schemas import models
from schemas.catalog import ModelConfigured
from schemas.errors import EntityNotFoundError
from schemas.models import Configuration, ImageSettings, PinnedModel, TensorSpec
from schemas.names import ModelKey
from sparring.connection import Connection
from sparring.vision import COCO, COCO_NAMES
from sparring.when import moment


class ModelVersion:
    """One version of a model. Made by `Client.upload_model`; listed by `Workspace.models`."""

    def __init__(self, connection: Connection, model: models.ModelVersion) -> None:
        self._connection = connection
        self._model = model

    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def version(self) -> str:
        """This version's uuid."""
        return self._model.version

    def sha(self) -> str:
        """SHA-256 of the file's bytes, hex."""
        return self._model.sha256

    def framework(self) -> str:
        """`onnx` or `python`."""
        return self._model.framework

    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs: the file's own, or as a Python step declares them."""
        return self.pinned().inputs

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs: the file's own, or as a Python step declares them."""
        return self.pinned().outputs

    def versions(self) -> list["ModelVersion"]:
        """All versions of this model, oldest first: `versions()[-1]` is the newest."""
        found = self._connection.catalog().model_versions(self._model.workspace, self._model.name)
        return [ModelVersion(self._connection, model) for model in found]

    def configure(
        self,
        runtime: str | None = None,
        tensor_fields: Sequence[str] | None = None,
        batch_config: str | None = None,
        input_schema: pa.Schema | None = None,
        output_schema: pa.Schema | None = None,
        image: Mapping[str, object] | ImageSettings | None = None,
        batch_rows_max: int = 1,
        batch_wait_ms_max: float = 0.0,
        class_names: Sequence[str] | str | None = None,
    ) -> "ModelVersion":
        """Store a configuration beside the file, for the next pipeline version. Returns this model version.

        Args:
            runtime: `'onnx'` or `'python'`, as the model was uploaded.
            tensor_fields: the input columns, in order, that feed the model's inputs by position.
            batch_config: `'single'`: one row per request, and the row is the whole input with its batch
                dimension. None: rows stack on the batch dimension.
            input_schema: of a Python step: the names and types of its arrays.
            output_schema: of a Python step: what it returns.
            image: how an encoded image becomes the input, fields of `ImageSettings`: width, height (pixels),
                colour, scale, mean, std, layout, aspect, exif.
            batch_rows_max: rows of several requests that may run together, where the model's batch dimension
                is free. 1: none.
            batch_wait_ms_max: how long a batch waits for more rows once it has its first.
            class_names: what the numbers in an output `classes` mean, in their order from 0, for pictures;
                `'coco'`: the 80 names of COCO. None: the numbers are shown.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: an argument that does not fit this model.
        """
        configuration = Configuration(
            runtime=self._checked_runtime(runtime),
            tensor_fields=self._checked_fields(tensor_fields),
            batch_config=_checked_batch_config(batch_config),
            inputs=self._checked_schema("input_schema", input_schema),
            outputs=self._checked_schema("output_schema", output_schema),
            image=image_settings(image),
            batch_rows_max=_checked_rows(batch_rows_max),
            batch_wait_ms_max=_checked_wait(batch_wait_ms_max),
            class_names=_checked_class_names(class_names),
        )
        self._connection.append(ModelConfigured(self._model.key, configuration))
        return self

    def key(self) -> ModelKey:
        """Workspace, name and version: how the system addresses it."""
        return self._model.key

    def pinned(self) -> PinnedModel:
        """This version with its newest configuration; EntityNotFoundError where the catalog has it not."""
        catalog = self._connection.follower.catalog
        if self._model.key not in catalog.models:
            raise EntityNotFoundError(f"model {self._model.key} does not exist in this catalog: upload it here")
        default = Configuration(runtime=self._model.framework)
        return PinnedModel(self._model, catalog.configurations.get(self._model.key, default))

    def __repr__(self) -> str:
        return str(
            {
                "name": self._model.name,
                "version": self._model.version,
                "file_name": self._model.file_name,
                "sha": self._model.sha256,
                "framework": self._model.framework,
                "created_at": moment(self._model.created_at),
            }
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelVersion) and other._model == self._model

    def __hash__(self) -> int:
        return hash(self._model.key)

    def _checked_runtime(self, runtime: object) -> models.Framework:
        framework = self._model.framework
        if runtime is not None and runtime != framework:
            raise ValueError(f"runtime: {runtime!r}; {self._model.name} was uploaded as {framework!r}")
        return framework

    def _checked_fields(self, fields: object) -> tuple[str, ...] | None:
        if fields is None:
            return None
        if isinstance(fields, str) or not isinstance(fields, Sequence):
            raise TypeError(f"tensor_fields: {fields!r}; expected a list of column names")
        for field in fields:
            if not isinstance(field, str):
                raise TypeError(f"tensor_fields: {field!r} is no text; expected a list of column names")
        inputs = self._model.inputs
        if self._model.framework == "onnx" and len(fields) != len(inputs):
            raise ValueError(
                f"tensor_fields: {len(fields)} columns for {len(inputs)} inputs of {self._model.name}; "
                f"expected one for each of {[spec.name for spec in inputs]}"
            )
        return tuple(fields)

    def _checked_schema(self, argument: str, schema: object) -> tuple[TensorSpec, ...] | None:
        if self._model.framework == "onnx":
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
