"""docs/contract.md: its example runs as it is printed, and its tables are what the code says."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from router.hashing import Salt, unit
from schemas.errors import RefusalCode
from schemas.results import Answer, Status
from schemas.tasks import Role
from schemas.topics import TopicNames, fixed_topics
from sparring import ModelVersion, Pipeline
from sparring.stack import LocalStack

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_runs_as_it_is_printed(
    stack: LocalStack, pipeline: Pipeline, scale: Callable[[str, float], ModelVersion], tmp_path: Path
) -> None:
    """Only the namespace differs: the tests' stack has one of its own."""
    pipeline.add_model_step(scale("contract", 2.0)).deploy()
    frame = tmp_path / "frame.json"
    frame.write_text('[{"tensor": [1, 2]}]')
    program = EXAMPLE.replace("sparring.", f"{stack.namespace}.").replace("sparring:", f"{stack.namespace}:")
    ran = subprocess.run(
        [sys.executable, "-c", program, stack.kafka, stack.redis, pipeline.name(), str(frame)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first.startswith("ok contract ")
    assert re.fullmatch(r"ok \d+ bytes of Arrow IPC", second)


def test_the_example_imports_nothing_of_ours() -> None:
    imported = re.findall(r"^(?:import|from) (.*?)(?: import .*)?$", EXAMPLE, re.MULTILINE)
    assert imported == ["json, sys, time, uuid", "redis", "kafka"]
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 20


def test_every_topic_is_on_the_page() -> None:
    for topic in fixed_topics("sparring"):
        assert f"| `{topic.name.removeprefix('sparring.')}` |" in PAGE
    assert TopicNames("n").frames == "n.frames"


@pytest.mark.parametrize("code", get_args(RefusalCode))
def test_every_error_is_on_the_page(code: str) -> None:
    assert f"`{code}`" in PAGE


def test_every_header_of_an_answer_status_and_role_is_on_the_page() -> None:
    every = Answer(
        key=b"",
        value=b"",
        request_id="r",
        status="ok",
        pipeline="p",
        frame="f/0/0",
        frame_digest="d",
        published_at=0,
        pipeline_version="v",
        role="chosen",
        model="m",
        model_version="v",
        model_sha256="s",
        traceparent="t",
    )
    for word in (*every.text_headers(), *get_args(Status), *get_args(Role)):
        assert f"`{word}`" in PAGE, word


def test_the_printed_hash_test_vectors_are_what_the_router_computes() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\d) \| (\S+) \| (\S+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for workspace, pipeline, step, arm, key, u in rows:
        assert unit(Salt(workspace, pipeline, int(step)), arm, key) == float(u)
