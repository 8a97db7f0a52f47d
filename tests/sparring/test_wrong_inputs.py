"""Each public call's wrong inputs: refused by the argument's name, with what came and what is accepted; nothing sent.

Here: `Client`, `ModelVersion`, `DeploymentConfigBuilder`, `Framework`, and what the tables share. Those of `Pipeline`
and of `sparring.vision` lie beside it; test_sdk_surface.py fails where a parameter of a public call has no row.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from adapters.settings import Settings
from schemas.models import ImageSettings
from sparring import Client, DeploymentConfigBuilder, Framework, ModelVersion, Pipeline
from sparring.object import EntityNotFoundError
from sparring.stack import LocalStack
from tests.sparring.sdk import beating, fresh_settings, upload, write_model

NAN, INF = float("nan"), float("inf")
HALF = "\ud800"
"""Half of a surrogate pair: text for Python, and no UTF-8."""
BOOL = "expected True or False"
SECONDS = "expected a finite number of seconds"
NO_NAME = r"is not a name; expected letters, digits and dashes, starting with a letter, under 64 characters"


@dataclass(frozen=True)
class World:
    """A client, models, and the pipeline `live`, which is deployed."""

    client: Client
    settings: Settings
    models: list[ModelVersion]
    step: ModelVersion
    folder: Path

    def edited(self) -> Pipeline:
        """A handle with an edit: its `deploy()` would make a version."""
        return self.client.get_pipeline("live").add_model_step(self.models[1])

    def sent(self) -> object:
        """What lies on the topics catalog and frames, and in the model store."""
        connection = self.client._connection  # noqa: SLF001 (nothing may have been sent)
        ends = [connection.broker.end(connection.topics.frames, partition) for partition in range(4)]
        return ends, connection.broker.end(connection.topics.catalog), sorted(Path(self.settings.store).rglob("*"))


Row = tuple[str, str, Any, type[Exception], str]
"""Call, argument, wrong value (or a function that makes it of the world), error, what is said after the name."""


@contextmanager
def built(broker: LocalStack, namespace: str, folder: Path) -> Iterator[World]:
    """All that a deploy waits for lives while the block runs: what is not refused is sent."""
    settings = fresh_settings(broker, namespace)
    (folder / "step.py").write_text("def process(arrays):\n    return arrays\n")
    with Client(settings) as client:
        models = [upload(client, folder, name) for name in ("champion", "rival", "third")]
        step = client.upload_model("step", folder / "step.py", Framework.PYTHON)
        with beating(client, *((model, "official") for model in models)):
            client.build_pipeline("live").add_model_step(models[0]).deploy()
            yield World(client, settings, models, step, folder)


def check_refused(world: World, call: Callable[..., object], right: dict[str, Any], row: Row) -> None:
    """`call` with one wrong argument among right ones."""
    _, argument, wrong, error, says = row
    given = wrong(world) if callable(wrong) else wrong
    before = world.sent()
    with pytest.raises(error) as refused:
        call(**given) if argument == "rules" else call(**{**right, argument: given})
    message = str(refused.value)
    assert type(refused.value) is error, message
    assert re.match(f"{argument}: (?s:.*)(?:{says})", message), message
    assert world.sent() == before


def each(calls: tuple[str, ...], *rows: tuple[str, Any, type[Exception], str]) -> list[Row]:
    """The same rows for several calls."""
    return [(call, *row) for call in calls for row in rows]


def named(row: Row) -> str:
    call, argument, wrong, _, _ = row
    return f"{call}-{argument}-{'made' if callable(wrong) else ascii(wrong)[:20]}"


@pytest.fixture(scope="module")
def world(broker: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with built(broker, "wrong-inputs", tmp_path_factory.mktemp("models")) as made:
        yield made


TWICE = pa.schema([("a", pa.float32()), ("a", pa.float32())])
BYTES = pa.schema([("a", pa.binary())])

ROWS: list[Row] = [
    ("Client", "settings", 7, TypeError, "int; expected adapters.settings.Settings, or None"),
    *(
        ("Client." + call, "name", wrong, ValueError, NO_NAME)
        for call in ("create_workspace", "get_workspace", "upload_model", "get_model", "build_pipeline", "get_pipeline")
        for wrong in ("", "1st", "with space", "under_score", "x" * 64, HALF, 7, None)
    ),
    *(
        ("Client." + call, argument, wrong, ValueError, NO_NAME)
        for call, argument in (
            ("list_models", "workspace_name"),
            ("list_pipelines", "workspace_name"),
            ("models_by_name", "workspace_name"),
            ("pipelines_by_name", "workspace_name"),
            ("models_by_name", "model_name"),
            ("pipelines_by_name", "pipeline_name"),
        )
        for wrong in ("", "with space", HALF, 7)
    ),
    *(
        (
            "Client." + call,
            "workspace_name",
            "absent",
            EntityNotFoundError,
            "'absent' does not exist; there are: default",
        )
        for call in ("list_models", "list_pipelines", "models_by_name", "pipelines_by_name")
    ),
    ("Client.get_model", "version", 7, TypeError, "int; expected a version's uuid, or None"),
    ("Client.get_model", "version", "3b0e", EntityNotFoundError, "model 'champion' has no version '3b0e'; there are: "),
    ("Client.create_workspace", "name", "default", ValueError, "workspace 'default' exists; get_workspace returns it"),
    ("Client.get_workspace", "create_if_not_exist", "x", TypeError, "'x'; expected True or False"),
    ("Client.set_current_workspace", "workspace", None, TypeError, "NoneType; expected a Workspace, as get_workspace"),
    ("Client.set_current_workspace", "workspace", "default", TypeError, "str; expected a Workspace"),
    ("Client.upload_model", "path", 7, TypeError, "int; expected a path"),
    ("Client.upload_model", "path", "absent.onnx", FileNotFoundError, "absent.onnx is no file"),
    ("Client.upload_model", "path", lambda w: w.folder, FileNotFoundError, "is no file"),
    ("Client.upload_model", "path", lambda w: w.folder / "step.py", ValueError, "not a model that ONNX Runtime loads"),
    ("Client.upload_model", "framework", 7, TypeError, r"7; expected one of \['onnx', 'python'\]"),
    ("Client.upload_model", "framework", "torch", ValueError, r"'torch'; expected one of \['onnx', 'python'\]"),
    ("Client.upload_model", "input_schema", TWICE, ValueError, "read from its file; Schema came, expected None"),
    ("Client.upload_model", "output_schema", "y", ValueError, "read from its file; str came, expected None"),
    ("Client.results", "pipeline", 7, TypeError, "int; expected a Pipeline, its name, or None"),
    ("Client.results", "pipeline", "with space", ValueError, NO_NAME),
    ("Client.results", "pipeline", "missing", EntityNotFoundError, "default/missing does not exist; .* default/live"),
    ("Client.results", "since", 7, TypeError, r"7; expected a datetime \(without a time zone: UTC"),
    ("Client.results", "since", pd.NaT, ValueError, "NaT; expected a datetime"),
    ("Client.results", "until", "now", TypeError, "'now'; expected a datetime"),
    ("Client.results", "follow", "no", TypeError, BOOL),
    ("Client.results", "role", 7, TypeError, "7; expected 'official', 'shadow' or 'all'"),
    ("Client.results", "role", "champion", ValueError, "'champion'; expected 'official', 'shadow' or 'all'"),
    ("Client.results", "model", 7, TypeError, "int; expected a model's name, NAME@VERSION, or None"),
    ("Client.results", "model", "a@", ValueError, "'a@'; expected a model's name, NAME@VERSION, or None"),
    ("Client.results", "group", 7, TypeError, "int; expected the name of a consumer group, or None"),
    ("Client.results", "group", " ", ValueError, "' '; expected the name .*: 1 to 255 printable characters"),
    ("Client.results", "group", "wrong-inputs.indexer", ValueError, "expected a name that does not begin with 'wrong-"),
    ("Client.results", "joined", 1, TypeError, BOOL),
    ("Client.results", "late_s", "5", TypeError, "'5'; expected seconds"),
    ("Client.results", "late_s", -1, ValueError, SECONDS),
    ("Client.results", "ordered", None, TypeError, BOOL),
    ("Client.results", "distinct", "yes", TypeError, BOOL),
    ("Client.results", "window", 0, ValueError, "0; expected 1 to 1000000"),
    ("ResultStream.batches", "rows_max", "1", TypeError, "'1'; expected a whole number"),
    ("ResultStream.batches", "rows_max", 0, ValueError, "0; expected at least 1"),
    ("ModelVersion.configure", "runtime", 7, TypeError, "int; expected 'onnx', or None"),
    ("ModelVersion.configure", "runtime", "python", ValueError, "'python'; champion was uploaded as 'onnx'; expected"),
    ("ModelVersion.configure", "tensor_fields", "tensor", TypeError, "'tensor'; expected a list of column names"),
    ("ModelVersion.configure", "tensor_fields", [1], TypeError, "1 is no text; expected a list of column names"),
    ("ModelVersion.configure", "tensor_fields", [HALF], ValueError, "cannot be written as UTF-8; expected a list"),
    ("ModelVersion.configure", "tensor_fields", ["a", "b"], ValueError, "2 columns for 1 inputs of champion; expected"),
    ("ModelVersion.configure", "batch_config", 7, ValueError, "7; expected None or 'single'"),
    ("ModelVersion.configure", "batch_config", "double", ValueError, "'double'; expected None or 'single'"),
    ("ModelVersion.configure", "input_schema", 7, ValueError, "int came, expected None"),
    ("ModelVersion.configure", "output_schema", pa.schema([]), ValueError, "Schema came, expected None"),
    ("ModelVersion.configure", "image", 640, TypeError, "int; expected a dictionary or ImageSettings"),
    ("ModelVersion.configure", "image", {"wide": 640}, ValueError, r"unknown \['wide'\]; expected some of \['width'"),
    ("ModelVersion.configure", "image", {"width": "640"}, ValueError, "width '640'; expected a whole number or None"),
    ("ModelVersion.configure", "image", {"colour": "bgr"}, ValueError, "colour 'bgr'; expected one of 'RGB', 'BGR'"),
    ("ModelVersion.configure", "image", {"mean": "0.5"}, ValueError, "mean '0.5'; expected a list of three, each"),
    ("ModelVersion.configure", "image", {"height": 0}, ValueError, "height 0; expected 1 to 65535 pixels"),
    ("ModelVersion.configure", "image", {"std": (1, 0, 1)}, ValueError, "expected finite numbers, and none of std 0"),
    ("ModelVersion.configure", "image", ImageSettings(scale=NAN), ValueError, "scale nan, .* expected finite numbers"),
    ("ModelVersion.configure", "image", ImageSettings(exif="no"), ValueError, "exif 'no'; expected true or false"),  # type: ignore[arg-type]
    ("ModelVersion.configure", "batch_rows_max", True, TypeError, "True; expected a whole number"),
    ("ModelVersion.configure", "batch_rows_max", 0, ValueError, "0; expected at least 1"),
    ("ModelVersion.configure", "outputs_per_row", "yes", TypeError, "'yes'; expected True, False, or None"),
    ("ModelVersion.configure", "outputs_per_row", 1, TypeError, "1; expected True, False, or None"),
    ("ModelVersion.configure", "batch_rows_max", 10**30, ValueError, "0; expected 1 to 1000000"),
    ("ModelVersion.configure", "batch_wait_ms_max", "1", TypeError, "'1'; expected a number"),
    ("ModelVersion.configure", "batch_wait_ms_max", -1, ValueError, "-1; expected 0 to 60000 milliseconds"),
    ("ModelVersion.configure", "batch_wait_ms_max", NAN, ValueError, "nan; expected 0 to 60000 milliseconds"),
    ("ModelVersion.configure", "batch_wait_ms_max", 10**400, ValueError, "1329 bits; expected one that a float holds"),
    ("ModelVersion.configure", "class_names", 7, TypeError, "int; expected a list of text, one per class number"),
    ("ModelVersion.configure", "class_names", "imagenet", TypeError, "'imagenet'; expected a list .* or 'coco'"),
    ("ModelVersion.configure", "class_names", ["a", 1], TypeError, "1 is no text; expected a list of text"),
    ("ModelVersion.configure", "class_names", [HALF], ValueError, "cannot be written as UTF-8; expected a list"),
    ("ModelVersion.configure", "class_names", [], ValueError, "an empty list; expected one name per class number"),
    ("DeploymentConfigBuilder.replica_count", "count", "1", TypeError, "'1'; expected a whole number"),
    ("DeploymentConfigBuilder.replica_count", "count", True, TypeError, "True; expected a whole number"),
    ("DeploymentConfigBuilder.replica_count", "count", 0, ValueError, "0; expected at least 1"),
    ("DeploymentConfigBuilder.cpus", "core_count", "1", TypeError, "'1'; expected a number"),
    ("DeploymentConfigBuilder.cpus", "core_count", 0, ValueError, "0; expected a number above 0"),
    ("DeploymentConfigBuilder.cpus", "core_count", INF, ValueError, "inf; expected a number above 0"),
    ("DeploymentConfigBuilder.memory", "memory_spec", 2, TypeError, "2; expected text as '2Gi'"),
    (
        "DeploymentConfigBuilder.memory",
        "memory_spec",
        "2 apples",
        ValueError,
        "'2 apples'; expected bytes as Kubernetes",
    ),
    ("Framework", "value", "torch", ValueError, r"'torch'; expected one of \['onnx', 'python'\]"),
]

OF_A_PYTHON_STEP: list[Row] = [
    (call, argument, wrong, error, says)
    for call in ("ModelVersion.configure", "Client.upload_model")
    for argument in ("input_schema", "output_schema")
    for wrong, error, says in (
        (7, TypeError, r"int; a Python step needs a pyarrow.schema\(\[...\]\)"),
        ({"a": "float"}, TypeError, "dict; a Python step needs a pyarrow.schema"),
        (pa.schema([]), ValueError, "it has no fields; expected one per array"),
        (TWICE, ValueError, r"a name stands twice among \['a', 'a'\]; expected each once"),
        (BYTES, ValueError, "a is a binary; expected numbers, text, or lists of them"),
    )
]

NEW: dict[str, Callable[[World], dict[str, Any]]] = {
    "Client.upload_model": lambda world: {"name": "new", "path": write_model(world.folder, output_name="new")},
    "Client.get_workspace": lambda _: {"name": "missing"},
    "Client.get_model": lambda _: {"name": "champion"},
    "Client.models_by_name": lambda _: {"model_name": "champion"},
    "Client.pipelines_by_name": lambda _: {"pipeline_name": "live"},
}
"""The right arguments, where a call needs some."""


def call_of(world: World, name: str, model: ModelVersion) -> Callable[..., object]:
    owner, _, method = name.partition(".")
    if owner == "ResultStream":
        with world.client.results() as results:
            return results.batches
    if not method:
        return {"Client": Client, "Framework": Framework}[owner]
    owners = {"Client": world.client, "ModelVersion": model, "DeploymentConfigBuilder": DeploymentConfigBuilder()}
    found: Callable[..., object] = getattr(owners[owner], method)
    return found


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_wrong_input_is_refused_by_its_name_and_nothing_is_sent(world: World, row: Row) -> None:
    right = NEW[row[0]](world) if row[0] in NEW else {}
    check_refused(world, call_of(world, row[0], world.models[0]), right, row)


@pytest.mark.parametrize("row", OF_A_PYTHON_STEP, ids=named)
def test_a_python_steps_wrong_schema_is_refused_by_its_name_and_nothing_is_sent(world: World, row: Row) -> None:
    right: dict[str, Any] = dict.fromkeys(("input_schema", "output_schema"), pa.schema([("a", pa.float32())]))
    if row[0] == "Client.upload_model":
        right |= {"name": "new", "path": world.folder / "step.py", "framework": "python"}
    check_refused(world, call_of(world, row[0], world.step), right, row)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("get_workspace", "workspace 'missing' does not exist; there are: default"),
        (
            "get_model",
            "workspace 'default' has no model 'missing'; there are: champion, rival, third, step; upload_model",
        ),
        ("get_pipeline", "pipeline default/missing does not exist: build_pipeline makes it; there are: live"),
    ],
)
def test_a_name_that_is_missing_is_an_error_that_says_what_there_is(world: World, call: str, says: str) -> None:
    before = world.sent()
    with pytest.raises(EntityNotFoundError) as refused:
        getattr(world.client, call)("missing")
    assert str(refused.value).startswith(says)
    assert world.sent() == before


def test_a_model_of_another_system_is_refused_by_its_argument(world: World, broker: LocalStack) -> None:
    with Client(fresh_settings(broker, "wrong-inputs-elsewhere")) as other:
        stranger = ModelVersion(other._connection, world.models[0]._model)  # noqa: SLF001 (a catalog without it)
        with pytest.raises(EntityNotFoundError, match=r"^champion: model .* does not exist in this catalog: upload it"):
            world.edited().add_shadow_deploy(stranger, [world.models[1]])
