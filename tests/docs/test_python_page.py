"""docs/python.md: its program runs from top to bottom, and every public call is on it."""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import sparring
from sparring import vision
from sparring.stack import LocalStack
from tests.small_models import AVERAGE_STEP

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
CLASSES = (
    sparring.Client,
    sparring.Workspace,
    sparring.ModelVersion,
    sparring.Pipeline,
    sparring.DeploymentConfigBuilder,
    sparring.ResultStream,
    sparring.Comparison,
    sparring.Frames,
    sparring.AsyncFrames,
)
TYPES = {"Colour", "Image", "COLOURS", "COCO"}
"""Of sparring.vision: what its functions take, not what one calls."""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (kind.__name__, name)
        for kind in CLASSES
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and (callable(member) or isinstance(member, property))
    ]
    + [("sparring", "compare")]
    + [("vision", name) for name in vision.__all__ if name not in TYPES],
)
def test_every_public_call_is_on_the_page(owner: str, name: str) -> None:
    assert re.search(rf"(?<![a-z_]){name}(?![a-z_])", PAGE), f"{owner}.{name}"


def said_defaults() -> list[tuple[str, str, object]]:
    """Call, argument and value of each `call(argument=value)` in a table: there such a value is the default."""
    found: list[tuple[str, str, object]] = []
    for span in re.findall(r"`([^`\n]+)`", "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))):
        with suppress(SyntaxError):
            for node in ast.walk(ast.parse(span)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                    found += [
                        (name, one.arg, one.value.value)
                        for one in node.keywords
                        if one.arg and isinstance(one.value, ast.Constant) and one.value.value is not ...
                    ]
    return found


EXAMPLES = {"compare", "save_html"}
"""Calls that the page shows with arguments of somebody's own."""


@pytest.mark.parametrize(("call", "argument", "value"), [one for one in said_defaults() if one[0] not in EXAMPLES])
def test_a_default_on_the_page_is_the_calls_own(call: str, argument: str, value: object) -> None:
    owners = [getattr(kind, call) for kind in CLASSES if hasattr(kind, call)]
    assert owners
    assert {inspect.signature(owner).parameters[argument].default for owner in owners} == {value}


def test_the_pages_program_runs_from_top_to_bottom(stack: LocalStack, shared: Path, tmp_path: Path) -> None:
    shutil.copy(shared / "models/yolox-nano.onnx", tmp_path / "mobilenet.onnx")
    shutil.copy(shared / "models/nanodet-m.onnx", tmp_path / "resnet50.onnx")
    shutil.copy(shared / "frames/dairy_bottles_640x480.png", tmp_path / "frame.png")
    (tmp_path / "average.py").write_text(AVERAGE_STEP)
    program = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **stack.environment()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    split, anomalies, swapped = ran.stdout.splitlines()
    assert re.search(r'\{"name":"(mobilenet|resnet50)"', split)
    assert anomalies.startswith("0 False {'unsure': ")
    assert json.loads(swapped)[0] == pytest.approx(0.1, abs=0.3)
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "logs" / "shelf-1.json").read_text().splitlines()) == 3
