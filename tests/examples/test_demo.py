"""The demo: its story on the session's stack, and the command itself, interrupted."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import psutil
import pytest
from rich.console import Console

from adapters.settings import Settings
from examples import demo
from sparring import Client
from sparring.stack import LocalStack
from tests.conftest import REPOSITORY
from tests.waiting import eventually

FRAMES = 12


@pytest.fixture
def undeployed(stack: LocalStack) -> Iterator[LocalStack]:
    """The session's stack; the demo's pipeline is taken down afterwards, its models' memory is free again."""
    yield stack
    settings = Settings(kafka=stack.kafka, redis=stack.redis, store=stack.store, namespace=stack.namespace)
    with Client(settings) as client:
        client.get_pipeline(demo.PIPELINE).undeploy()


def test_the_story_ends_with_scores_a_verdict_and_a_picture(undeployed: LocalStack, tmp_path: Path) -> None:
    said = io.StringIO()
    with demo.rendered(FRAMES) as shelves:
        outcome = demo.tell(undeployed, shelves, fps=8, folder=tmp_path, console=Console(file=said, width=80))

    assert sum(score.answers for score, _ in outcome.split.shares()) == FRAMES
    assert {score.role for score, _ in outcome.split.shares()} == {"chosen"}
    champion, challenger = (score for score, _ in outcome.shadow.shares())
    assert (champion.model, champion.role, champion.topic) == (demo.CHAMPION, "champion", "results")
    assert (challenger.model, challenger.role, challenger.topic) == (demo.CHALLENGER, "challenger", "shadows")
    assert champion.answers == challenger.answers == FRAMES // 2
    assert champion.labels_true == challenger.labels_true
    assert 0.5 < champion.recall < challenger.recall < 1.0
    assert f"{demo.CHALLENGER} found {challenger.labels_found} of {challenger.labels_true} labels" in outcome.verdict()
    assert f"{FRAMES // 2} answers on `results`" in outcome.official()
    assert f"{FRAMES} of {FRAMES}: {demo.CHAMPION}" in said.getvalue()

    picture = cv2.imread(str(tmp_path / "champion-vs-challenger.png"))
    assert picture is not None
    assert picture.shape[1] > 2 * 640
    assert (tmp_path / "frame.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_an_interrupt_stops_everything_without_a_traceback(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "examples.demo", "--frames", "20", "--fps", "1"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        eventually(lambda: "\n3. A random split" in output.read_text(), 240, "the split to begin")
        started = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == demo.INTERRUPTED
    finally:
        running.kill()
        running.wait()
    assert len(started) >= 5
    assert not psutil.wait_procs(started, timeout=30)[1]
    said = output.read_text()
    assert "Traceback" not in said
    assert "interrupted: everything is stopped" in said


@pytest.mark.parametrize("wrong", [["--frames", "0"], ["--fps", "fast"]])
def test_a_wrong_argument_is_named(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        demo.main(wrong)
    assert f"argument {wrong[0]}: {wrong[1]!r}; expected a number above 0" in capsys.readouterr().err
