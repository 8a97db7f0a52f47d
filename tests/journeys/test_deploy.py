"""Deploying: what is refused, what restarts keep, and what runs where."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from adapters.settings import Settings
from sparring import Client, ModelVersion, Pipeline
from sparring.object import SparringError
from sparring.stack import LocalStack
from tests.journeys.processes import model_processes
from tests.journeys.wire import Wire
from tests.small_models import scaling_model
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]
TABLE = pd.DataFrame({"tensor": [[1.0, 2.0]]})


@pytest.fixture
def scale(own_scale: Scale) -> Scale:
    """Tests of this file look at processes: none of another test may be there."""
    return own_scale


def test_a_router_that_restarts_knows_what_is_live_before_its_first_frame(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    os.kill(stack.process("router"), signal.SIGKILL)
    ids = [wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]') for _ in range(20)]
    assert {answer.status for answer in wire.answers(ids, within_s=30).values()} == {"ok"}


def test_a_second_client_sees_the_same_pipeline_and_infers(stack: LocalStack, pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    with Client(Settings.read(stack.environment())) as second:
        same = second.get_pipeline(pipeline.name())
        assert same.steps() == pipeline.steps()
        assert same.infer(TABLE)["out.y"].tolist() == [[2, 4]]


def test_a_restart_of_everything_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "double.onnx"
    path.write_bytes(scaling_model(2.0))
    with LocalStack(tmp_path / "data") as first, Client(Settings.read(first.environment())) as client:
        client.set_current_workspace(client.create_workspace("kept"))
        model = client.upload_model("double", path).configure("onnx", tensor_fields=["x"])
        pipeline = client.build_pipeline("shop").add_tag("door").add_model_step(model).deploy()
        idle = client.build_pipeline("idle").add_random_split([(2, model)]).deploy().undeploy()
        result = pipeline.infer(TABLE.rename(columns={"tensor": "x"}))
        before = facts(pipeline), facts(idle), repr(model), model.pinned(), repr(client.get_current_workspace())
    with LocalStack(tmp_path / "data") as second, Client(Settings.read(second.environment())) as client:
        client.set_current_workspace(client.get_workspace("kept"))
        pipeline, idle = client.get_pipeline("shop"), client.get_pipeline("idle")
        model = client.get_model("double")
        assert (
            facts(pipeline),
            facts(idle),
            repr(model),
            model.pinned(),
            repr(client.get_current_workspace()),
        ) == before
        again = pipeline.infer(TABLE.rename(columns={"tensor": "x"}), timeout=60)
        assert again["out.y"].tolist() == result["out.y"].tolist() == [[2.0, 4.0]]
        assert pipeline.logs()["time"].tolist() == [again["time"][0], result["time"][0]]
        with pytest.raises(RuntimeError, match="not deployed"):
            idle.infer(TABLE)


def facts(pipeline: Pipeline) -> tuple[object, ...]:
    return repr(pipeline), pipeline.steps(), pipeline.history(), pipeline.tags, pipeline.status()["version"]


def test_after_undeploy_the_processes_are_gone_and_a_frame_is_told_that_it_is_not_deployed(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    model = scale("double", 2.0)
    pipeline.add_model_step(model).deploy()
    processes = model_processes(stack, model)
    assert processes
    pipeline.undeploy()
    answer = wire.answer(wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]'))
    assert answer.failure().error == "NotDeployed"
    assert "deploy()" in answer.failure().message
    eventually(lambda: not any(process.is_running() for process in processes), 60, "the model's process to be gone")
    with pytest.raises(RuntimeError, match=r"not deployed: deploy\(\) makes"):
        pipeline.infer(TABLE)


def test_a_pipeline_of_another_workspace_is_another_pipeline(client: Client, scale: Scale, tmp_path: Path) -> None:
    before = client.get_current_workspace()
    try:
        client.set_current_workspace(client.get_workspace("lab", create_if_not_exist=True))
        path = tmp_path / "double.onnx"
        path.write_bytes(scaling_model(7.0))
        model = client.upload_model("double", path).configure("onnx")
        lab = client.build_pipeline("shop").add_model_step(model).deploy()
        client.set_current_workspace(before)
        shop = client.build_pipeline("shop").add_model_step(scale("double", 2.0)).deploy()
        assert lab.infer(TABLE)["out.y"].tolist() == [[7, 14]]
        assert shop.infer(TABLE)["out.y"].tolist() == [[2, 4]]
        lab.undeploy()
        shop.undeploy()
    finally:
        client.set_current_workspace(before)


def test_a_python_step_is_refused_where_no_host_may_run_it_and_the_host_is_named(
    broker: LocalStack, tmp_path: Path
) -> None:
    with (
        LocalStack(tmp_path / "strict", on=broker, namespace="strict", allow_python=False) as strict,
        Client(Settings.read(strict.environment())) as client,
    ):
        path = tmp_path / "step.py"
        path.write_text("def process(arrays):\n    return arrays\n")
        step = client.upload_model("step", path, framework="python")
        schema = pa.schema([pa.field("tensor", pa.list_(pa.float32()))])
        step.configure("python", input_schema=schema, output_schema=schema)
        pipeline = client.build_pipeline("refused").add_model_step(step)
        with pytest.raises(SparringError, match=r"(?i)python.*host|host.*python") as refused:
            pipeline.deploy(deploy_wait_s=20)
        assert os.uname().nodename in str(refused.value)


def test_steps_that_do_not_fit_together_are_refused_at_deploy(
    pipeline: Pipeline, scale: Scale, average: ModelVersion
) -> None:
    pipeline.add_model_step(scale("double", 2.0)).add_model_step(average)
    with pytest.raises(ValueError, match="boxes"):
        pipeline.deploy()
