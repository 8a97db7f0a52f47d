"""`sparring results` and `sparring result`: answers as a stream, one request looked up, its picture."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from adapters.redis import AnswerIndex, Answers
from adapters.settings import Settings
from schemas.results import Answer, failure_value
from schemas.tables.read import encode_rows
from sparring import Client, cli
from sparring.cli.exits import FAILED, NO_READER, NOTHING_THERE, OK, WRONG_USAGE
from sparring.cli.results.lines import Lines
from sparring.cli.tables import short
from sparring.operations.lookup import NoPicture, picture
from sparring.stack import LocalStack
from sparring.system.connection import Connection
from sparring.vision import COCO_NAMES, COLOURS, decode
from tests.journeys.wire import Wire
from tests.small_models import scaling_model
from tests.sparring.vision.test_vision import ORIENTATION_90
from tests.waiting import eventually

SPOT = (60, 80, 140, 200)
"""x1, y1, x2, y2 of the white rectangle in the picture that is sent, 240 wide, 320 high."""

UUID = "5e0c9f3a-6d0b-4a53-9f3a-0f4d0f5f8a11"
JSON = b'[{"tensor": [1, 2]}, {"tensor": [3, 4]}]'
FIRST_HALF = b'[{"tensor": [1, 2], "side": 0.25}, {"tensor": [3, 4], "side": 0.25}]'


def spot_detector(confidence: float) -> bytes:
    """A detector of one thing: the smallest box around all bright pixels of an input 160 wide and 120 high."""
    nodes = [
        helper.make_node("ReduceMax", ["tensor"], ["plane"], axes=[0, 1], keepdims=0),
        helper.make_node("Greater", ["plane", "half"], ["bright"]),
        helper.make_node("Cast", ["bright"], ["lit"], to=TensorProto.FLOAT),
    ]
    for side, axis, last in (("x1", 0, 0), ("y1", 1, 0), ("x2", 0, 1), ("y2", 1, 1)):
        nodes += [
            helper.make_node("ReduceMax", ["lit"], [f"line_{side}"], axes=[axis], keepdims=0),
            helper.make_node("ArgMax", [f"line_{side}"], [f"at_{side}"], axis=0, keepdims=1, select_last_index=last),
        ]
    nodes += [
        helper.make_node("Concat", ["at_x1", "at_y1", "at_x2", "at_y2"], ["corners"], axis=0),
        helper.make_node("Cast", ["corners"], ["boxes"], to=TensorProto.FLOAT),
        helper.make_node("Identity", ["class"], ["classes"]),
        helper.make_node("Identity", ["confidence"], ["confidences"]),
    ]
    graph = helper.make_graph(
        nodes,
        "spot",
        [helper.make_tensor_value_info("tensor", TensorProto.FLOAT, [1, 3, 120, 160])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [4]),
            helper.make_tensor_value_info("classes", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("confidences", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]),
            helper.make_tensor("class", TensorProto.INT64, [1], [1]),
            helper.make_tensor("confidence", TensorProto.FLOAT, [1], [confidence]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def turned_jpeg() -> bytes:
    """A white rectangle in the dark; stored on its side, as a telephone does."""
    upright = np.full((320, 240, 3), 20, np.uint8)
    upright[SPOT[1] : SPOT[3], SPOT[0] : SPOT[2]] = 255
    jpeg = cv2.imencode(".jpg", np.rot90(upright), [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    return jpeg[:2] + ORIENTATION_90 + jpeg[2:]


@pytest.fixture(scope="module")
def settings(stack: LocalStack) -> Settings:
    return Settings(kafka=stack.kafka, redis=stack.redis, store=stack.store, namespace=stack.namespace)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as connected:
        yield connected


@pytest.fixture(scope="module")
def wire(stack: LocalStack) -> Iterator[Wire]:
    with Wire(stack) as open_wire:
        yield open_wire


def is_answered(index: AnswerIndex, request_id: str) -> bool:
    """Officially: a challenger's answer may be there before."""
    pipelines = index.pipelines(request_id)
    return bool(pipelines) and all(index.read(request_id, name).official for name in pipelines)


@pytest.fixture(scope="module", autouse=True)
def answered(
    client: Client, wire: Wire, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Two pipelines: `look`, a detector and its challenger; `sums`, a split. Some requests to each."""
    folder = tmp_path_factory.mktemp("models")
    for name, content in (
        ("spot", spot_detector(0.875)),
        ("rival", spot_detector(0.5)),
        ("twice", scaling_model(2.0)),
        ("thrice", scaling_model(3.0)),
    ):
        (folder / name).write_bytes(content)
    models = {path.name: client.upload_model(path.name, path) for path in folder.iterdir()}
    models["spot"].configure("onnx", batch_config="single", class_names=["nothing", "spot"])
    models["rival"].configure("onnx", batch_config="single", image={"aspect": "letterbox"})
    look = client.build_pipeline("look").add_shadow_deploy(models["spot"], [models["rival"]]).deploy()
    weighted = [(1, models["twice"]), (1, models["thrice"])]
    sums = client.build_pipeline("sums").add_random_split(weighted, hash_key="side").deploy()
    wire.send("look", turned_jpeg(), "look-1")
    wire.send("look", json.dumps([{"tensor": [0.0] * (3 * 120 * 160)}]).encode(), "look-table")
    wire.send("sums", FIRST_HALF, "sums-1")
    wire.send("sums", JSON, "sums-2")
    wire.send("sums", b'[{"tensor": [1]}]', "sums-bad")
    wire.send("sums", JSON, "both")
    wire.send("nobody", JSON, "both")
    wire.send("look", turned_jpeg(), "look-late", headers=[("deadline", b"1")])
    official = ("look-1", "look-table", "sums-1", "sums-2", "sums-bad", "both", "look-late")
    wire.answers(official)
    wire.challengers(["look-1", "look-table"])
    index = AnswerIndex(settings.redis, settings.namespace)
    eventually(lambda: len(index.pipelines("both")) == 2, 60, "both answers in the index")
    eventually(lambda: all(is_answered(index, one) for one in official), 60, "all answers in the index")
    eventually(lambda: index.read("look-1", "default/look").complete, 60, "the challenger in the index")
    index.close()
    yield
    look.undeploy()
    sums.undeploy()


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kafka", "redis", "store", "namespace"):
        monkeypatch.setenv(f"SPARRING_{name.upper()}", getattr(settings, name))


Said = pytest.CaptureFixture[bytes]


def results(capsysbinary: Said, *arguments: str) -> list[dict[str, Any]]:
    """What `sparring results --format json` prints."""
    capsysbinary.readouterr()
    assert cli.main(["results", "--format", "json", *arguments]) == OK
    return [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]


def result(capsysbinary: Said, *arguments: str, code: int = OK) -> str:
    """What `sparring result` prints: its page, or its line on stderr."""
    capsysbinary.readouterr()
    assert cli.main(["result", *arguments]) == code
    said = capsysbinary.readouterr()
    return (said.out if code == OK else said.err).decode()


# --- results --------------------------------------------------------------------------------


def test_a_table_in_a_pipe_has_a_whole_line_per_answer_with_the_reason_behind_errors(capsysbinary: Said) -> None:
    assert cli.main(["results", "--pipeline", "sums"]) == OK
    head, *lines = capsysbinary.readouterr().out.decode().splitlines()
    assert head.split() == ["time", "request", "status", "pipeline", "role", "model", "version", "answer", "ms"]
    by_request = {line.split()[2]: line for line in lines}
    assert set(by_request) == {"sums-1", "sums-2", "sums-bad", "both"}
    assert by_request["sums-1"].split()[3:7] == ["ok", "sums", "chosen", "twice"]
    assert " 2 rows " in by_request["sums-1"]
    assert "WrongShape (decode): input 'tensor'" in by_request["sums-bad"]


def test_json_has_headers_and_outputs_as_lists_or_the_reason(capsysbinary: Said) -> None:
    by_request = {one["request_id"]: one for one in results(capsysbinary, "--pipeline", "default/sums")}
    answer = by_request["sums-1"]
    assert answer["outputs"] == {"y": [[2.0, 4.0], [6.0, 8.0]]}
    assert (answer["status"], answer["role"], answer["model"], answer["parts"]) == ("ok", "chosen", "twice", 0)
    assert answer["split"][0]["hash_key"] == "side"
    assert answer["infer_ns"] > 0
    bad = by_request["sums-bad"]
    assert (bad["error"], bad["stage"], "outputs" in bad) == ("WrongShape", "decode", False)


def test_arrow_is_a_row_per_row_with_out_columns_and_says_what_it_leaves_out(capsysbinary: Said) -> None:
    assert cli.main(["results", "--pipeline", "sums", "--format", "arrow"]) == OK
    said = capsysbinary.readouterr()
    table = pa.ipc.open_stream(said.out).read_all()
    rows = {(one["request_id"], one["row"]): one for one in table.to_pylist()}
    assert rows["sums-1", 1]["out.y"] == [6.0, 8.0]
    assert {request for request, _ in rows} == {"sums-1", "sums-2", "both"}
    assert table.schema.field("time").type == pa.timestamp("ms", "UTC")
    assert said.err == b"sparring: left out: 1 answers that are no result; --format json has them\n"


def test_arrow_of_models_with_different_outputs_asks_for_one_of_them(capsysbinary: Said) -> None:
    assert cli.main(["results", "--format", "arrow"]) == FAILED
    error = capsysbinary.readouterr().err.decode()
    assert "choose one with --model NAME" in error
    assert error.count("\n") == 1
    assert cli.main(["results", "--format", "arrow", "--model", "spot"]) == OK
    table = pa.ipc.open_stream(capsysbinary.readouterr().out).read_all()
    assert table.schema.names[-3:] == ["out.boxes", "out.classes", "out.confidences"]


def test_arrow_without_a_single_answer_is_an_empty_stream(capsysbinary: Said) -> None:
    assert cli.main(["results", "--format", "arrow", "--pipeline", "nothing/here"]) == OK
    said = capsysbinary.readouterr()
    assert pa.ipc.open_stream(said.out).read_all().num_rows == 0
    assert b"no official answers like that" in said.err


def test_shadows_are_the_challengers_answers(capsysbinary: Said) -> None:
    found = results(capsysbinary, "--role", "shadow", "--pipeline", "look")
    assert {(one["request_id"], one["model"], one["role"]) for one in found if one["status"] == "ok"} == {
        ("look-1", "rival", "challenger"),
        ("look-table", "rival", "challenger"),
    }


def test_count_and_model_limit_what_is_shown(capsysbinary: Said) -> None:
    assert len(results(capsysbinary, "--pipeline", "sums", "--count", "2")) == 2
    (spot,) = {one["model_version"] for one in results(capsysbinary, "--model", "spot")}
    assert results(capsysbinary, "--model", f"spot@{spot}")
    assert results(capsysbinary, "--model", "spot@other") == []


def test_since_takes_an_age_or_a_time(capsysbinary: Said) -> None:
    assert len(results(capsysbinary, "--pipeline", "sums", "--since", "1h")) == 4
    assert len(results(capsysbinary, "--pipeline", "sums", "--since", "2026-01-01T00:00:00Z")) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["results", "--since", "yesterday"], "'yesterday'; expected 30s, 10m, 2h, 1d, or a time"),
        (["results", "--since", "2999-01-01"], "lies in the future"),
        (["results", "--count", "0"], "expected a whole number above 0"),
        (["results", "--pipeline", "a b"], "'a b' is not a name"),
        (["results", "--role", "champion"], "invalid choice"),
        (["result", "x", "--picture", "x.jpg"], "expected a file that ends in .png"),
        (["result", "x", "--confidence-min", "2"], "expected a number from 0 to 1"),
    ],
)
def test_wrong_usage_says_what_is_expected(arguments: list[str], says: str, capsysbinary: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == WRONG_USAGE
    assert says in capsysbinary.readouterr().err.decode()


def started(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        (sys.executable, "-m", "sparring", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_following_shows_what_comes_and_ctrl_c_is_its_good_end(wire: Wire) -> None:
    with started("results", "--follow", "--since", "1h", "--pipeline", "sums", "--format", "json") as follows:
        assert follows.stdout is not None
        seen = [json.loads(follows.stdout.readline())["request_id"] for _ in range(4)]
        wire.send("sums", JSON, "sums-followed")
        wire.flush()
        seen.append(json.loads(follows.stdout.readline())["request_id"])
        follows.send_signal(signal.SIGINT)
        out, error = follows.communicate(timeout=120)
    assert seen[-1] == "sums-followed"
    assert (follows.returncode, out, error) == (OK, b"", b"")


@pytest.mark.parametrize("kind", ["table", "arrow"])
def test_a_reader_that_goes_away_ends_it_quietly(kind: str) -> None:
    with started("results", "--pipeline", "sums", "--format", kind) as shows:
        assert shows.stdout is not None
        shows.stdout.close()
        shows.wait(120)
        assert shows.stderr is not None
        assert (shows.returncode, shows.stderr.read()) == (NO_READER, b"")


def test_arrow_is_not_for_a_terminal(capsysbinary: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    master, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert cli.main(["results", "--format", "arrow"]) == WRONG_USAGE
    os.close(master)
    assert b"write it to a file or a pipe" in capsysbinary.readouterr().err


# --- lines ----------------------------------------------------------------------------------


def answer(**more: Any) -> Answer:
    fields: dict[str, Any] = {
        "key": b"",
        "value": encode_rows({"boxes": [np.zeros(400, np.float32)]}),
        "request_id": UUID,
        "status": "ok",
        "pipeline": "a-workspace/a-pipeline-with-a-long-name",
        "frame": "frames/0/0",
        "frame_digest": "",
        "published_at": 1,
        "role": "challenger",
        "model": "a-model-with-a-long-name-too",
        "model_version": UUID,
    }
    return Answer(**{**fields, **more})


@pytest.mark.parametrize("width", [80, 100, 132, 200])
@pytest.mark.parametrize("shadow", [False, True])
def test_lines_fit_the_terminal(width: int, shadow: bool) -> None:
    lines = Lines(width, shadow=shadow)
    failed = answer(status="error", value=failure_value("NotAnImage", "far too long " * 30, "decode"))
    for text in (lines.head(), lines.line(answer()), *lines.line(failed).splitlines()):
        assert len(text) <= width
    assert "100 boxes" in lines.line(answer())
    assert UUID[:8] in lines.line(answer())


def test_a_wide_terminal_shows_whole_ids() -> None:
    assert f" {UUID} ok " in Lines(132).line(answer()).replace("  ", " ")


def test_what_a_stranger_sent_cannot_reach_into_the_terminal() -> None:
    line = Lines(80).line(answer(pipeline="\x1b[31mred\n", status="error", value=failure_value("E", "\x1b[2J", "s")))
    assert "\x1b" not in line
    assert line.count("\n") == 1


def test_versions_in_a_stacks_tables_are_short() -> None:
    assert short(f"sparring.work.default.spot.{UUID} and default/spot@{UUID}") == (
        "sparring.work.default.spot.5e0c9f3a and default/spot@5e0c9f3a"
    )


# --- result ---------------------------------------------------------------------------------


def test_a_request_is_shown_with_its_decisions_and_outputs(settings: Settings, capsysbinary: Said) -> None:
    page = " ".join(result(capsysbinary, "sums-1").split())
    for text in (
        "default/sums, version",
        "twice, version",
        "step 0: twice of 1 twice, 1 thrice; by side, 0.25",
        f"{settings.topics.frames}/",
        "6, 8",
    ):
        assert text in page
    assert "side was not in the request" in " ".join(result(capsysbinary, "sums-2").split())


def test_challengers_stand_beside_the_champion(capsysbinary: Said) -> None:
    page = result(capsysbinary, "look-1")
    assert "spot (champion)" in page
    assert "rival (challenger)" in page
    (confidences,) = (line.split() for line in page.splitlines() if " confidences " in line)
    assert confidences[-2:] == ["0.875", "0.5"]


def test_an_error_says_why_and_where_its_dead_letter_is(capsysbinary: Said, settings: Settings, wire: Wire) -> None:
    page = " ".join(result(capsysbinary, "sums-bad").split())
    assert "error WrongShape: input 'tensor'" in page
    place = wire.deadletter("sums-bad")[0]["frame"]
    assert f"topic {settings.topics.deadletters}, the record with the header frame={place}" in page
    assert "none: an expired frame has none" in result(capsysbinary, "look-late")


def test_json_of_a_request_has_all_answers(capsysbinary: Said) -> None:
    found = json.loads(result(capsysbinary, "look-1", "--json"))
    assert found["pipeline"] == "default/look"
    assert found["official"]["outputs"]["confidences"] == [[0.875]]
    assert [one["model"] for one in found["challengers"]] == ["rival"]


def test_a_request_that_is_not_there_has_an_exit_code_of_its_own(capsysbinary: Said) -> None:
    for arguments, says in (
        (["no-such-request"], "not answered yet, a wrong id, or older than Redis keeps answers"),
        (["sums-1", "--pipeline", "look"], "there is one from: default/sums"),
    ):
        line = result(capsysbinary, *arguments, code=NOTHING_THERE)
        assert says in line
        assert line.count("\n") == 1


def test_a_request_of_several_pipelines_needs_one_named(capsysbinary: Said) -> None:
    line = result(capsysbinary, "both", code=WRONG_USAGE)
    assert "choose one with --pipeline: default/nobody, default/sums" in line
    assert "default/sums, version" in result(capsysbinary, "both", "--pipeline", "sums")
    assert "UnknownPipeline" in result(capsysbinary, "both", "--pipeline", "nobody")


def test_without_redis_the_line_says_so(capsysbinary: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_REDIS", "redis://127.0.0.1:1/0")
    line = result(capsysbinary, "sums-1", code=FAILED)
    assert line.startswith("sparring: Redis at redis://127.0.0.1:1/0: ")
    assert "`sparring results` reads the answers from Kafka" in line


# --- picture --------------------------------------------------------------------------------


def test_boxes_of_both_models_surround_what_they_found_on_the_upright_picture(
    capsysbinary: Said, tmp_path: Path
) -> None:
    """The champion saw it stretched to 160 x 120, the challenger letterboxed."""
    path = tmp_path / "look.png"
    result(capsysbinary, "look-1", "--picture", str(path))
    image = decode(path.read_bytes())
    times = 3  # it is enlarged
    assert image.shape[1] == 240 * times
    for colour in COLOURS[:2]:
        points = np.argwhere((image[: 320 * times] == colour).all(axis=2)) / times
        left, right, bottom = points[:, 1].min(), points[:, 1].max(), points[:, 0].max()
        # One pixel of the model's input is up to 2.7 of the picture's. Labels lie above.
        assert (left, right, bottom) == pytest.approx((SPOT[0], SPOT[2], SPOT[3]), abs=5), colour


def test_only_boxes_above_the_confidence_are_drawn(capsysbinary: Said, tmp_path: Path) -> None:
    path = tmp_path / "look.png"
    result(capsysbinary, "look-1", "--picture", str(path), "--confidence-min", "0.6")
    body = decode(path.read_bytes())[:960]
    assert (body == COLOURS[0]).all(axis=2).any()
    assert not (body == COLOURS[1]).all(axis=2).any()


@pytest.mark.parametrize(
    ("request_id", "says"),
    [
        ("look-table", "is application/json, not an encoded image"),
        ("sums-bad", "there is no official result"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(
    request_id: str, says: str, capsysbinary: Said, tmp_path: Path
) -> None:
    line = result(capsysbinary, request_id, "--picture", str(tmp_path / "x.png"), code=FAILED)
    assert line.startswith("sparring: picture: ")
    assert says in line
    assert line.count("\n") == 1


def test_without_the_frame_the_version_or_boxes_there_is_no_picture(settings: Settings) -> None:
    connection = Connection(settings)
    try:
        official = connection.answers.read("look-1", "default/look").official
        assert official is not None
        topic, partition, _ = official.frame.rsplit("/", 2)
        gone = replace(official, frame=f"{topic}/{partition}/999999999")
        with pytest.raises(NoPicture, match="is no longer on its topic"):
            picture(connection, Answers(gone))
        with pytest.raises(NoPicture, match="another frame lies at"):
            picture(connection, Answers(replace(official, frame_digest="0" * 64)))
        with pytest.raises(NoPicture, match="spot gives y in 2 rows; expected an output `boxes`"):
            picture(connection, Answers(replace(official, value=encode_rows({"y": [np.zeros(1), np.zeros(1)]}))))
        with pytest.raises(NoPicture, match="the catalog has no version"):
            picture(connection, Answers(replace(official, pipeline_version="v")))
    finally:
        connection.close()


# --- class names ----------------------------------------------------------------------------


def test_class_names_are_a_list_of_text_or_coco(client: Client) -> None:
    model = client.get_model("spot")
    assert model.configure("onnx", class_names="coco").pinned().configuration.class_names == COCO_NAMES
    assert model.configure("onnx", class_names=["a", "b"]).pinned().configuration.class_names == ("a", "b")
    assert model.configure("onnx").pinned().configuration.class_names is None


@pytest.mark.parametrize(
    ("names", "error", "says"),
    [
        ("bottle", TypeError, "class_names: 'bottle'; expected a list of text, one per class number, or 'coco'"),
        (7, TypeError, "class_names: int; expected a list"),
        (["a", 1], TypeError, "class_names: 1 is no text"),
        ([], ValueError, "class_names: an empty list"),
    ],
)
def test_class_names_of_another_kind_are_refused(client: Client, names: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        client.get_model("spot").configure("onnx", class_names=names)
