"""A step whose load hangs: its frames are answered, the others go on, and the next version comes up."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from adapters.settings import Settings
from sparring import Client, Framework, ModelVersion
from sparring.object import DeployError
from sparring.stack import LocalStack
from tests.journeys.processes import model_processes
from tests.journeys.wire import Wire
from tests.small_models import scaling_model, waiting_step
from tests.waiting import eventually

ROW = b'[{"tensor": [1, 2]}]'
TENSOR, Y = (pa.schema([pa.field(name, pa.list_(pa.float32()))]) for name in ("tensor", "y"))


MUCH_LATER_S = 3600.0
"""A test that waits for it runs into its own limit."""


@pytest.fixture
def impatient(broker: LocalStack, tmp_path: Path) -> Iterator[LocalStack]:
    """A stack of its own, whose models have six seconds to load."""
    environment = {"SPARRING_LOAD_MS_MAX": "6000"}
    with LocalStack(tmp_path / "stack", on=broker, allow_python=True, environment=environment) as running:
        yield running


def test_frames_of_a_step_whose_load_hangs_are_answered_and_a_better_version_comes_up(
    impatient: LocalStack, tmp_path: Path
) -> None:
    with Client(Settings.read(impatient.environment())) as client, Wire(impatient) as wire:
        path = tmp_path / "same.onnx"
        path.write_bytes(scaling_model(1.0))
        same = client.upload_model("same", path, framework=Framework.ONNX).configure("onnx")

        def step(name: str, gate: Path) -> ModelVersion:
            source = tmp_path / f"{name}.py"
            source.write_text(waiting_step(str(gate)).replace('arrays["tensor"]', 'arrays["y"]'))
            uploaded = client.upload_model(name, source, framework=Framework.PYTHON)
            return uploaded.configure("python", input_schema=Y, output_schema=Y)

        pipeline = client.build_pipeline("loading").add_model_step(same).deploy()
        wire.answers([wire.send("loading", ROW)])
        (before,) = model_processes(impatient, same)

        pipeline.add_model_step(step("hanging", tmp_path / "never")).deploy(wait_for_status=False)
        eventually(lambda: wire.answer(wire.send("loading", ROW)).status == "error", 60, "the router to know it")
        refused = wire.answers([wire.send("loading", ROW) for _ in range(5)], within_s=60)
        assert {answer.status for answer in refused.values()} == {"error"}
        for answer in refused.values():
            assert answer.failure().error == "ModelGone"
            assert "default/hanging@" in answer.failure().message
            assert "has been loading for" in answer.failure().message

        pipeline.replace_with_model_step(1, step("ready", tmp_path)).deploy()
        eventually(lambda: before.pid not in {one.pid for one in model_processes(impatient, same)}, 60, "a new process")
        answers = wire.answers([wire.send("loading", ROW) for _ in range(5)], within_s=30)
        assert {answer.status for answer in answers.values()} == {"ok"}
        assert {len(found) for found in list(wire.results.values())} == {1}, "each frame has one official answer"


@pytest.mark.parametrize(
    ("load", "why"),
    [
        ("raise OSError('the labels are gone')", "OSError: the labels are gone"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "a signal ended the process .* 3 times in a row"),
    ],
    ids=["raises", "takes its process down"],
)
def test_a_load_that_fails_for_good_ends_deploy_with_its_reason(
    stack: LocalStack, tmp_path: Path, load: str, why: str
) -> None:
    source = tmp_path / "torn.py"
    source.write_text(f"{load}\ndef process(arrays):\n    return arrays\n")
    with Client(Settings.read(stack.environment())) as client:
        torn = client.upload_model("torn", source, Framework.PYTHON, input_schema=TENSOR, output_schema=TENSOR)
        with pytest.raises(DeployError, match=f"did not go live: .*{why}"):
            client.build_pipeline("torn").add_model_step(torn).deploy(deploy_wait_s=MUCH_LATER_S)
