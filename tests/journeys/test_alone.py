"""Each process runs alone, against any Kafka, Redis and store that its settings name: no host needed."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from adapters.settings import Settings
from sparring import Client
from sparring.object import DeployError
from sparring.stack import LocalStack
from tests.small_models import scaling_model


def test_a_model_process_without_a_host_serves_its_model(broker: LocalStack, tmp_path: Path) -> None:
    with (
        LocalStack(tmp_path / "alone", on=broker, namespace="alone", services=("router", "indexer")) as alone,
        Client(Settings.read(alone.environment())) as client,
    ):
        path = tmp_path / "double.onnx"
        path.write_bytes(scaling_model(2.0))
        model = client.upload_model("double", path).configure("onnx")
        pipeline = client.build_pipeline("shop").add_model_step(model)
        with pytest.raises(DeployError, match="no live host serves default/double"):
            pipeline.deploy()

        command = (sys.executable, "-m", "workers", "inference", "--model", str(model.key()), "--lane", "official")
        alone.run("double", command)
        client._connection.follower.wait_for(  # noqa: SLF001  # an event to wait for, where a person would look
            lambda: any(beat.model == str(model.key()) for beat in client._connection.follower.alive()),  # noqa: SLF001
            60,
        )
        pipeline.deploy()
        assert pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0]]}), timeout=60)["out.y"].tolist() == [[2, 4]]


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        ("router", "SPARRING_ROUTER_LEASE_S", "soon"),
        ("workers host", "SPARRING_ALLOW_PYTHON", "perhaps"),
        ("workers indexer", "SPARRING_RESULT_TTL_S", "-5"),
    ],
)
def test_a_bad_setting_is_one_line_and_exit_code_two(command: str, variable: str, value: str) -> None:
    module, *arguments = command.split()
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | {variable: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"{variable}: '{value}'")
    assert len(ran.stderr.splitlines()) == 1
