"""One client and one wire for all journeys; models that several of them use."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from adapters.settings import Settings
from examples.models import IMAGE_SETTINGS, MODEL_NAMES, model_path
from sparring import Client, Framework, ModelVersion, Pipeline
from sparring.stack import LocalStack
from tests.journeys.wire import Wire
from tests.small_models import AVERAGE_STEP, MISCHIEF_STEP, scaling_model

_numbers = count(1)


@pytest.fixture(scope="session")
def client(stack: LocalStack) -> Iterator[Client]:
    settings = Settings(kafka=stack.kafka, redis=stack.redis, store=stack.store, namespace=stack.namespace)
    with Client(settings) as connected:
        yield connected


@pytest.fixture
def addressed(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says where the system is, as in a terminal."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def wire(stack: LocalStack) -> Iterator[Wire]:
    with Wire(stack) as open_wire:
        yield open_wire


@pytest.fixture
def pipeline(client: Client) -> Iterator[Pipeline]:
    """A new, empty pipeline; undeployed at the end, so that its models' memory is free again."""
    new = client.build_pipeline(f"journey-{next(_numbers)}")
    yield new
    new.undeploy()


@pytest.fixture(scope="session")
def own_scale(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, float], ModelVersion]:
    """`own_scale(name, factor)`: a new version of an ONNX model with `y = tensor * factor`, rows of two."""

    def upload(name: str, factor: float) -> ModelVersion:
        path = tmp_path_factory.mktemp("scale") / f"{name}.onnx"
        path.write_bytes(scaling_model(factor))
        return client.upload_model(name, path, framework=Framework.ONNX).configure("onnx")

    return upload


@pytest.fixture(scope="module")
def scale(
    client: Client, own_scale: Callable[[str, float], ModelVersion]
) -> Iterator[Callable[[str, float], ModelVersion]]:
    """As `own_scale`, but each model is uploaded once for a file, and stays warm from its second use on.

    A test that looks at processes takes `own_scale`.
    """
    uploaded: dict[tuple[str, float], ModelVersion] = {}
    warm: list[ModelVersion] = []
    keeper = client.build_pipeline(f"warm-{next(_numbers)}")

    def model(name: str, factor: float) -> ModelVersion:
        if (name, factor) not in uploaded:
            uploaded[name, factor] = own_scale(name, factor)
        elif uploaded[name, factor] not in warm:
            warm.append(uploaded[name, factor])
            keeper.clear().add_random_split([(1, kept) for kept in warm]).deploy()
        return uploaded[name, factor]

    yield model
    if warm:
        keeper.undeploy()


def _python_step(
    client: Client, folder: Path, name: str, source: str, takes: pa.Schema, gives: pa.Schema
) -> ModelVersion:
    path = folder / f"{name}.py"
    path.write_text(source)
    step = client.upload_model(name, path, framework=Framework.PYTHON)
    return step.configure("python", input_schema=takes, output_schema=gives)


@pytest.fixture(scope="session")
def average(client: Client, tmp_path_factory: pytest.TempPathFactory) -> ModelVersion:
    """The tutorial's post-processing: what came, and the mean confidence."""
    detections: list[pa.Field[Any]] = [
        pa.field("boxes", pa.list_(pa.float32())),
        pa.field("classes", pa.list_(pa.int64())),
        pa.field("confidences", pa.list_(pa.float32())),
    ]
    mean: pa.Field[Any] = pa.field("avg_conf", pa.list_(pa.float64()))
    return _python_step(
        client,
        tmp_path_factory.mktemp("average"),
        "average",
        AVERAGE_STEP,
        takes=pa.schema(detections),
        gives=pa.schema([*detections, mean]),
    )


@pytest.fixture
def mischief(client: Client, tmp_path: Path) -> ModelVersion:
    """A Python step that raises, hangs or takes its process down when told to."""
    takes, gives = (pa.schema([pa.field(name, pa.list_(pa.float32()))]) for name in ("tensor", "y"))
    name = f"mischief-{next(_numbers)}"
    return _python_step(client, tmp_path, name, MISCHIEF_STEP, takes=takes, gives=gives)


@pytest.fixture(scope="session")
def detectors(client: Client) -> dict[str, ModelVersion]:
    """The two text detectors that packages ship, by name, with their own image settings."""
    return {
        name: client.upload_model(name, model_path(name)).configure("onnx", image=IMAGE_SETTINGS[name])
        for name in MODEL_NAMES
    }


@pytest.fixture(scope="session")
def detector(detectors: dict[str, ModelVersion]) -> ModelVersion:
    """One of them."""
    return detectors[MODEL_NAMES[0]]
