"""A team that knows Kafka and docs/kafka.md alone: its programs run as they are printed, on a whole stack.

Only addresses, namespace, pipeline and request id differ. What then lies on the topics is what docs/asyncapi.yaml says.
"""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from examples.shelf import render_shelf
from schemas.keys import Keys, official_field
from sparring import Client, ModelVersion
from sparring.stack import LocalStack, kafka
from tests.contracts.asyncapi import messages, why_not
from tests.contracts.kafka_page import LOOK_UP, READ, SEND, WHOLE_TRIP, printed
from tests.contracts.topics import Mark, mark_ends, read_since
from tests.journeys.wire import Wire
from tests.small_models import picture_model
from tests.waiting import eventually

PIPELINE = "kafka-page"
Here = Callable[[str], str]
Run = Callable[[list[str]], str]


@pytest.fixture(scope="module")
def models(client: Client, marks: dict[str, Mark], tmp_path_factory: pytest.TempPathFactory) -> list[ModelVersion]:
    assert marks
    folder = tmp_path_factory.mktemp("pictures")
    made = []
    for name, factor in (("page-champion", 1.0), ("page-challenger", 2.0)):
        path = folder / f"{name}.onnx"
        path.write_bytes(picture_model(factor))
        made.append(client.upload_model(name, path).configure("onnx", batch_config="single"))
    return made


@pytest.fixture(scope="module")
def marks(stack: LocalStack) -> dict[str, Mark]:
    """Where the topics ended before anything of this page."""
    return {word: mark_ends(stack, word) for word in ("results", "shadows", "deadletters", "catalog", "presence")}


@pytest.fixture(scope="module", autouse=True)
def deployed(client: Client, models: list[ModelVersion]) -> Iterator[None]:
    pipeline = client.build_pipeline(PIPELINE)
    champion, challenger = models
    pipeline.add_shadow_deploy(champion, [challenger]).deploy()
    yield
    pipeline.undeploy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs run: a frame lies there, and nothing of ours."""
    path = tmp_path_factory.mktemp("elsewhere")
    (path / "frame.jpg").write_bytes(render_shelf(seed=3).jpeg())
    return path


@pytest.fixture
def here(stack: LocalStack) -> Here:
    """A printed program, with the addresses and names of the tests' stack."""
    names = {
        "localhost:9092": stack.kafka,
        "redis://localhost:6379/0": stack.redis,
        "sparring.": f"{stack.namespace}.",
        "sparring:": f"{stack.namespace}:",
        "shelf": PIPELINE,
    }
    return lambda code: re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], code)


@pytest.fixture
def run(folder: Path) -> Run:
    def running(arguments: list[str]) -> str:
        ran = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, cwd=folder)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return running


def needed(program: str) -> str:
    """A program that a new machine may not have."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"needs {program} on the PATH")
    return path


@pytest.mark.parametrize(
    ("number", "request_id"),
    [(0, "camera-7.000001"), (1, "camera-7.000002")],
    ids=["kafka-python", "confluent-kafka"],
)
def test_a_frame_is_sent_from_python(number: int, request_id: str, here: Here, run: Run, wire: Wire) -> None:
    assert re.fullmatch(r"\d+\n", run([sys.executable, "-c", here(printed(SEND, "python")[number])]))
    assert wire.answer(request_id).status == "ok"


def test_a_frame_is_sent_with_kcat(here: Here, run: Run, wire: Wire) -> None:
    needed("kcat")
    run(["sh", "-c", here(*printed(SEND, "sh"))])
    answer = wire.answer("camera-7.000003")
    assert (answer.status, answer.key) == ("ok", b"camera-7")


def test_a_frame_is_sent_from_java(here: Here, run: Run, wire: Wire, folder: Path) -> None:
    needed("javac")
    program = folder / "Send.java"
    program.write_text(here(*printed(SEND, "java")))
    run([needed("java"), "-XX:TieredStopAtLevel=1", "-cp", kafka.classpath(lambda _: None), str(program)])
    assert wire.answer("camera-7.000004").status == "ok"


def test_every_client_puts_a_camera_on_one_partition(here: Here, run: Run, stack: LocalStack) -> None:
    before = mark_ends(stack, "frames")
    for code in printed(SEND, "python"):
        run([sys.executable, "-c", here(code)])
    if shutil.which("kcat") is not None:
        run(["sh", "-c", here(*printed(SEND, "sh"))])
    sent = [record for record in read_since(stack, before) if record.key == b"camera-7"]
    assert len(sent) >= 2
    assert len({record.partition for record in sent}) == 1


def test_the_stream_of_answers_is_read_from_python(here: Here, wire: Wire, folder: Path) -> None:
    """Until both lines are seen: it reads for ever."""
    good = wire.send(PIPELINE, (folder / "frame.jpg").read_bytes())
    bad = wire.send(PIPELINE, (folder / "frame.jpg").read_bytes()[:5000])
    wire.answers([good, bad])
    arguments = [sys.executable, "-u", "-c", here(*printed(READ, "python"))]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=folder) as reader:
        lines: list[str] = []
        assert reader.stdout is not None
        hears = threading.Thread(target=lines.extend, args=(reader.stdout,), daemon=True)
        hears.start()
        try:
            eventually(lambda: all(any(one in line for line in lines) for one in (good, bad)), 60, "both answers")
        finally:
            reader.terminate()
            hears.join(10)
    assert f"{good} page-champion 1 ['y']\n" in lines
    assert any(line.startswith(f'{bad} error {{"error":"NotAnImage"') for line in lines)


def test_the_stream_of_answers_is_read_with_kcat(here: Here, run: Run, wire: Wire, folder: Path) -> None:
    needed("kcat")
    request = wire.send(PIPELINE, (folder / "frame.jpg").read_bytes())
    wire.answer(request)
    shown = run(["sh", "-c", here(*printed(READ, "sh"))])
    (line,) = [line for line in shown.splitlines() if f"request-id={request}," in line]
    assert ",status=ok," in line
    assert re.search(r" \d+ bytes$", line)


def test_one_answer_is_looked_up_from_python(here: Here, run: Run, wire: Wire, folder: Path, stack: LocalStack) -> None:
    request = wire.send(PIPELINE, (folder / "frame.jpg").read_bytes())
    wire.answer(request)
    key = Keys(stack.namespace).request(request)
    with redis.Redis.from_url(stack.redis) as index:
        eventually(lambda: index.hexists(key, official_field(f"default/{PIPELINE}")), 60, "the answer in Redis")
    (code,) = printed(LOOK_UP, "python")
    assert run([sys.executable, "-c", here(code).replace("camera-7.000001", request)]) == "page-champion ['y']\n"


def test_the_key_that_redis_cli_asks_for_is_the_indexs() -> None:
    (command,) = printed(LOOK_UP, "sh")
    assert f" HGET {Keys('sparring').request('camera-7.000001')} 'default/shelf|official|headers'" in command


def test_the_whole_trip_runs_as_it_is_printed(stack: LocalStack, here: Here, run: Run) -> None:
    (code,) = printed(WHOLE_TRIP, "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    arguments = [stack.kafka, stack.redis, PIPELINE, "frame.jpg"]
    first, second = run([sys.executable, "-c", here(code), *arguments]).splitlines()
    assert first.startswith("ok page-champion ")
    assert re.fullmatch(r"ok \d+ bytes of Arrow IPC", second)


def test_what_lies_on_the_topics_is_what_the_document_describes(
    stack: LocalStack, wire: Wire, models: list[ModelVersion], marks: dict[str, Mark], folder: Path
) -> None:
    """Official and challenger's answers, errors, dead letters, tasks, the catalog, beats: the bytes of this run."""
    jpeg = (folder / "frame.jpg").read_bytes()
    good, late = wire.send(PIPELINE, jpeg), wire.send(PIPELINE, jpeg, headers=[("deadline", b"1000")])
    refused = [wire.send("nobody", jpeg), wire.send(PIPELINE, jpeg[:5000])]
    wire.answers([good, late, *refused])
    wire.challengers([good])
    for request in refused:
        wire.deadletter(request)
    champion, challenger = (f"default.{model.name()}.{model.version()}" for model in models)
    tasks = [Mark.beginning(stack, f"{lane}.{of}") for lane, of in (("work", champion), ("shadow", challenger))]
    for place in (*marks.values(), *tasks):
        described, seen = messages(place.word.split(".")[0]), 0
        for record in read_since(stack, place):
            if record.value is None:
                continue
            reasons = {name: why_not(one, record.text_headers, record.value) for name, one in described.items()}
            assert [] in reasons.values(), f"{record} is none of its messages: {json.dumps(reasons)[:2000]}"
            seen += 1
        assert seen, f"nothing was read from {place.word}"
