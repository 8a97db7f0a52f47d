"""Models that packages ship, small models made here, and Python steps, loaded as a model process does."""

import hashlib
from pathlib import Path

from msgspec import structs

from adapters.settings import InferenceSettings
from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from sparring.deployment.onnx_file import signatures
from workers.inference.steps import LoadedModel, load_model

SETTINGS = InferenceSettings(allow_python=True)


def pin_onnx(name: str, content: bytes, configuration: Configuration | None = None) -> PinnedModel:
    """An ONNX file as the SDK would pin it."""
    *_, signature = signatures(content)
    model = ModelVersion(
        workspace="default",
        name=name,
        version="v1",
        sha256=hashlib.sha256(content).hexdigest(),
        framework="onnx",
        file_name=f"{name}.onnx",
        size_bytes=len(content),
        created_at=0,
        inputs=signature.inputs,
        outputs=signature.outputs,
    )
    return PinnedModel(model, configuration or Configuration("onnx"))


def load_onnx(name: str, content: bytes, configuration: Configuration | None = None) -> LoadedModel:
    return load_model(pin_onnx(name, content, configuration), content, SETTINGS)


def load_file(path: Path, configuration: Configuration | None = None) -> LoadedModel:
    return load_onnx(path.stem, path.read_bytes(), configuration)


def pin_python(
    source: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], name: str = "post"
) -> PinnedModel:
    model = ModelVersion(
        workspace="default",
        name=name,
        version="v1",
        sha256=hashlib.sha256(source.encode()).hexdigest(),
        framework="python",
        file_name=f"{name}.py",
        size_bytes=len(source),
        created_at=0,
        inputs=(),
        outputs=(),
    )
    return PinnedModel(model, Configuration("python", inputs=inputs, outputs=outputs))


def load_python(
    source: str,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    outputs_per_row: bool | None = None,
) -> LoadedModel:
    pinned = pin_python(source, inputs, outputs)
    configuration = structs.replace(pinned.configuration, outputs_per_row=outputs_per_row)
    return load_model(PinnedModel(pinned.model, configuration), source.encode(), SETTINGS)
