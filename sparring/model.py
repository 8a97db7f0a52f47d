"""A model version handle: the immutable file, and its configuration."""

import warnings
from collections.abc import Mapping, Sequence

import pyarrow as pa

from schemas import models
from schemas.catalog import ModelConfigured
from schemas.errors import EntityNotFoundError
from schemas.models import Configuration, ImageSettings, PinnedModel, TensorSpec
from schemas.names import ModelKey
from sparring.checks import moment
from sparring.deployment.configure import configuration, why_not_batched
from sparring.display import fields_as_html
from sparring.other_names import MODEL, OtherNames
from sparring.system.connection import Connection


class ModelVersion(OtherNames):
    """One version of a model. Made by `Client.upload_model`; listed by `Workspace.models`."""

    _elsewhere = MODEL

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
        outputs_per_row: bool | None = None,
    ) -> "ModelVersion":
        """Store a configuration for this version: the next `deploy()` of a pipeline with it uses the newest one.

        Returns this model version.

        Args:
            runtime: `'onnx'` or `'python'`, as the model was uploaded.
            tensor_fields: the input columns, in order, that feed the model's inputs by position.
            batch_config: `'single'`: one row per request, and the row is the whole input with its batch
                dimension. None: rows stack on the batch dimension where each has its own entry in every output
                (`outputs_per_row`), else each row has a run of its own.
            input_schema: of a Python step: the names and types of its arrays.
            output_schema: of a Python step: what it returns.
            image: how an encoded image becomes the input, fields of `ImageSettings`: width, height (pixels),
                colour, scale, mean, std, layout, aspect, exif, pad, place, rounding, resize_shorter; inputs: what
                the model's other inputs get, as `{'orig_target_sizes': 'width,height'}`. docs/models.md has them by
                family of models.
            batch_rows_max: rows of several requests that may run together, where the model's batch dimension
                is free, and each row has its own entry in every output. 1: none. A warning says where it has no
                effect.
            batch_wait_ms_max: how long a batch waits for more rows once it has its first.
            class_names: what the numbers in an output `classes` mean, in their order from 0, for pictures;
                `'coco'`: the 80 names of COCO. None: the numbers are shown.
            outputs_per_row: whether the first dimension of every output has one entry per row of the inputs. None:
                as the file says, by names, sizes and nodes. True: stated where the file does not say; of a Python
                step, also that no row's outputs depend on other rows. False: rows always run one by one.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: an argument that does not fit this model.
        """
        checked = configuration(
            self._model,
            runtime=runtime,
            tensor_fields=tensor_fields,
            batch_config=batch_config,
            input_schema=input_schema,
            output_schema=output_schema,
            image=image,
            batch_rows_max=batch_rows_max,
            batch_wait_ms_max=batch_wait_ms_max,
            class_names=class_names,
            outputs_per_row=outputs_per_row,
        )
        if (why := why_not_batched(PinnedModel(self._model, checked))) is not None:
            warnings.warn(f"batch_rows_max: {checked.batch_rows_max} has no effect: {why}", stacklevel=2)
        self._connection.append(ModelConfigured(self._model.key, checked))
        return self

    def key(self) -> ModelKey:
        """Workspace, name and version: how the system addresses it."""
        return self._model.key

    def pinned(self) -> PinnedModel:
        """This version with its newest configuration; EntityNotFoundError if the catalog does not have the version."""
        catalog = self._connection.follower.catalog
        if self._model.key not in catalog.models:
            raise EntityNotFoundError(f"model {self._model.key} does not exist in this catalog: upload it here")
        default = Configuration(runtime=self._model.framework)
        return PinnedModel(self._model, catalog.configurations.get(self._model.key, default))

    def __repr__(self) -> str:
        return str(self._fields())

    def _repr_html_(self) -> str:
        return fields_as_html([(name.replace("_", " "), str(value)) for name, value in self._fields().items()])

    def _fields(self) -> dict[str, object]:
        return {
            "name": self._model.name,
            "version": self._model.version,
            "file_name": self._model.file_name,
            "sha": self._model.sha256,
            "framework": self._model.framework,
            "created_at": moment(self._model.created_at),
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelVersion) and other._model == self._model

    def __hash__(self) -> int:
        return hash(self._model.key)
