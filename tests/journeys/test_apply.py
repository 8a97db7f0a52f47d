"""A pipeline from a file, as a person keeps it in git: apply, infer, change, look, apply, back, off."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from adapters.settings import Settings
from sparring import Client, cli
from sparring.stack import LocalStack
from tests.small_models import scaling_model
from tests.waiting import eventually

FILE = """
workspace: from-a-file
pipeline: shelf
tags: [checkout]
models:
  double: {path: double.onnx, configure: {}}
  triple: {path: triple.onnx, configure: {}}
steps:
  - random_split:
      hash_key: camera
      weights: [{model: double, weight: 1}, {model: triple, weight: 1}]
validations:
  high: 'ARRAY_GET("out.y", 1) > 2.5'
deployed: true
"""
OTHER = FILE.replace("triple, weight: 1", "triple, weight: 3")
TABLE = pd.DataFrame({"tensor": [[1.0, 2.0]], "camera": [0.4]})
"""Position 0.4 lies in the first half, but not in the first quarter."""

Typed = Callable[..., str]


@pytest.fixture
def typed(stack: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """`typed("list")`: what `sparring pipeline list` prints."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> str:
        code = cli.main(["pipeline", *map(str, arguments)])
        said = capsys.readouterr()
        assert (code, said.err) == (0, "")
        return said.out

    return run


def test_a_pipeline_lives_in_a_file(stack: LocalStack, typed: Typed, tmp_path: Path) -> None:
    for name, factor in (("double", 2.0), ("triple", 3.0)):
        (tmp_path / f"{name}.onnx").write_bytes(scaling_model(factor))
    path = tmp_path / "shelf.yaml"
    path.write_text(FILE)
    here = ("--workspace", "from-a-file")

    applied = typed("apply", "-f", path).splitlines()
    assert [line.split()[:2] for line in applied[:-1]] == [
        ["+", kind] for kind in ("workspace", "upload", "upload", "pipeline", "step", "validation", "deploy", "tag")
    ]
    assert typed("apply", "-f", path) == "nothing to change\n"

    with Client(Settings.read(stack.environment())) as client:
        client.set_current_workspace(client.get_workspace("from-a-file"))
        pipeline = client.get_pipeline("shelf")
        first = pipeline.versions()[0]
        assert applied[-1] == f"from-a-file/shelf: {first} is live: split 1:1 double, triple by camera"
        result = pipeline.infer(TABLE)
        assert (result["out.y"][0], result["anomaly.high"].tolist()) == ([2.0, 4.0], [False])

        path.write_text(OTHER)
        planned = typed("apply", "-f", path, "--dry-run").splitlines()
        assert planned[0].startswith("~ step 0  split 1:1 ")
        assert planned[1:] == [
            f"~ deploy shelf  version {first[:8]} -> a new version",
            "2 to change; nothing was changed",
        ]
        assert pipeline.infer(TABLE)["out.y"][0] == [2.0, 4.0]

        second = json.loads(typed("apply", "-f", path, "--json"))["live"]
        result = pipeline.infer(TABLE)
        assert (result["out.y"][0], result["anomaly.high"].tolist()) == ([3.0, 6.0], [True])

        assert first in typed("rollback", "shelf", first[:8], *here)
        assert pipeline.infer(TABLE)["out.y"][0] == [2.0, 4.0]

        def runs() -> bool:
            return bool(json.loads(typed("show", "shelf", "--json", *here))["status"]["status"] == "Running")

        eventually(runs, 60, "every process to be seen alive")
        switches = json.loads(typed("history", "shelf", "--json", *here))
        assert [one["version"] for one in switches] == [first, second, first]

        path.write_text(FILE.replace("deployed: true", "deployed: false"))
        assert typed("apply", "-f", path).splitlines() == [
            f"- deploy shelf  version {first[:8]}",
            "from-a-file/shelf: nothing is live",
        ]
        assert typed("undeploy", "shelf", *here) == "from-a-file/shelf: nothing is live\n"
        with pytest.raises(RuntimeError, match="from-a-file/shelf is not deployed"):
            pipeline.infer(TABLE)
