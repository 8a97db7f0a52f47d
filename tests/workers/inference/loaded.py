"""Models that packages ship, small models made here, and Python steps, loaded as a model process does."""

import hashlib
from pathlib import Path

from adapters.onnx_runtime import onnxruntime
from adapters.settings import InferenceSettings
from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from workers.inference.steps import LoadedModel, load_model

SETTINGS = InferenceSettings(allow_python=True)
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(string)": "string",
}


def specs(values: list[onnxruntime.NodeArg]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(v.name, _DTYPES[v.type], tuple(d if isinstance(d, int) else None for d in v.shape)) for v in values
    )


def pin_onnx(name: str, content: bytes, configuration: Configuration | None = None) -> PinnedModel:
    """An ONNX file as the SDK would pin it."""
    session = onnxruntime.InferenceSession(content, SETTINGS_OF_A_TEST)
    model = ModelVersion(
        workspace="default",
        name=name,
        version="v1",
        sha256=hashlib.sha256(content).hexdigest(),
        framework="onnx",
        file_name=f"{name}.onnx",
        size_bytes=len(content),
        created_at=0,
        inputs=specs(session.get_inputs()),
        outputs=specs(session.get_outputs()),
    )
    return PinnedModel(model, configuration or Configuration("onnx"))


SETTINGS_OF_A_TEST = onnxruntime.SessionOptions()
SETTINGS_OF_A_TEST.log_severity_level = 3


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


def load_python(source: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> LoadedModel:
    return load_model(pin_python(source, inputs, outputs), source.encode(), SETTINGS)
