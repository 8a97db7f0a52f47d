"""`sparring send`: what becomes a frame, how frames go out, what is said of each."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from adapters.clock import now_ms
from adapters.settings import Settings
from schemas.errors import FrameTooLarge, Refused
from schemas.frames import Origin
from schemas.limits import FRAME_BYTES_MAX, MIB, PARTITIONS
from schemas.names import PipelineName
from schemas.tables.read import encode_table
from schemas.topics import Topic
from sparring import Client, cli
from sparring.cli.exits import FAILED, OK
from sparring.kafka.broker import Broker, Delivery
from sparring.producer.sender import IN_FLIGHT_BYTES_MAX, Sender, SentFrame
from sparring.sources import find_files, frames_of
from tests.sparring.sdk import beating, upload
from tests.video import write_video
from tests.waiting import eventually

JPEG = cv2.imencode(".jpg", np.full((24, 32, 3), 128, np.uint8))[1].tobytes()
RECORDS = b'[{"tensor": [1.0, 2.0]}]'
ARROW = encode_table(pa.table({"tensor": [[1.0, 2.0]]}))


@pytest.fixture(scope="module", autouse=True)
def deployed(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`shelf` is deployed, `old` is not."""
    with Client(settings) as client, beating(client):
        model = upload(client, tmp_path_factory.mktemp("models"), "same")
        client.build_pipeline("shelf").add_model_step(model).deploy(wait_for_status=False)
        client.build_pipeline("old")


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kafka", "redis", "store", "namespace"):
        monkeypatch.setenv(f"SPARRING_{name.upper()}", getattr(settings, name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four frames, in two folders, and what is none."""
    below = tmp_path / "frames" / "below"
    below.mkdir(parents=True)
    for name, content in {
        "b.JPG": JPEG,
        "a.json": RECORDS,
        "below/c.arrow": ARROW,
        "below/d.jpeg": JPEG,
        "below/labels.txt": b"0 0.5 0.5",
        ".hidden.jpg": JPEG,
    }.items():
        (tmp_path / "frames" / name).write_bytes(content)
    return tmp_path / "frames"


def records_of(settings: Settings, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The records of these rows, by request id."""
    found: dict[str, Any] = {}
    wanted = {row["request_id"] for row in rows}
    with Broker(settings.brokers) as broker:
        consumer = broker.consumer([(settings.topics.frames, partition) for partition in range(PARTITIONS)])

        def all_found() -> bool:
            for polled in consumer.poll(timeout_ms=200).values():
                found.update({dict(one.headers)["request-id"].decode(): one for one in polled})
            return wanted <= found.keys()

        eventually(all_found, 60, "the frames")
        consumer.close()
    return {request_id: found[request_id] for request_id in wanted}


# --- what becomes a frame -------------------------------------------------------------------


def test_a_folder_gives_its_frames_by_name_and_counts_what_it_leaves_out(folder: Path) -> None:
    found = find_files([str(folder)])
    assert [str(path.relative_to(folder)) for path in found.files] == [
        "a.json",
        "b.JPG",
        "below/c.arrow",
        "below/d.jpeg",
    ]
    assert found.left_out == 2  # one is no frame by its name, one is hidden


def test_a_pattern_is_expanded_through_all_folders_but_a_name_that_looks_like_one_is_a_name(folder: Path) -> None:
    assert [path.name for path in find_files([f"{folder}/**/*.j*g"]).files] == ["d.jpeg"]
    odd = folder / "[1].jpg"
    odd.write_bytes(JPEG)
    assert find_files([str(odd), str(folder / "a.json")]).files == (odd, folder / "a.json")


@pytest.mark.parametrize(
    ("name", "says"),
    [("nowhere.jpg", "there is no such file"), ("*.nothing", "no file matches"), ("empty", "it has no files")],
)
def test_a_name_that_leads_to_no_frame_is_an_error_in_one_line(
    name: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert cli.main(["send", str(tmp_path / name), "--pipeline", "shelf"]) == FAILED
    said = capsys.readouterr().err
    assert said.startswith(f"sparring: {tmp_path / name}: {says}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.jpg", b"hello", "UnknownContentType"),
        ("a.jpg", b"", "UnknownContentType"),
        ("a.arrow", ARROW[: len(ARROW) // 2], "BadArrow"),
        ("a.json", b'{"tensor": [1.0]}', "BadJson"),
        ("a.json", b"[]", "BadJson"),
        ("a.mp4", b"hello", "NotAnImage"),
    ],
)
def test_a_file_that_is_no_frame_is_refused_in_the_contracts_words(
    name: str, content: bytes, code: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused) as refused:
        list(frames_of(tmp_path / name))
    assert refused.value.error == code


def without_progress(said: str) -> list[str]:
    """Lines; a slow machine is told how far it is now and then."""
    return [line for line in said.splitlines() if "frames/s" not in line]


def test_the_command_says_one_line_of_a_broken_video_and_ffmpeg_none(tmp_path: Path) -> None:
    """In a process of its own: FFmpeg keeps the log level that it found at the process's first video."""
    (tmp_path / "a.mp4").write_bytes(b"hello")
    command = (sys.executable, "-m", "sparring", "send", str(tmp_path / "a.mp4"), "--pipeline", "shelf")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == FAILED
    said = without_progress(done.stderr)
    assert len(said) == 1, done.stderr
    assert f"{tmp_path}/a.mp4: not sent: NotAnImage: " in said[0]


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(1024 * FRAME_BYTES_MAX)  # 16 GiB: reading it would be noticed
    with pytest.raises(FrameTooLarge, match=f"expected at most {FRAME_BYTES_MAX}"):
        list(frames_of(path))


def test_a_video_becomes_its_pictures_in_their_order(tmp_path: Path) -> None:
    frames = list(frames_of(write_video(tmp_path / "clip.mp4", 5)))
    assert [frame.name for frame in frames] == [f"{tmp_path}/clip.mp4#{number}" for number in range(5)]
    assert [frame.after_ms for frame in frames] == [0, 40, 80, 120, 160]
    pictures = [cv2.imdecode(np.frombuffer(frame.value, np.uint8), cv2.IMREAD_COLOR) for frame in frames]
    assert {picture.shape for picture in pictures if picture is not None} == {(48, 64, 3)}
    assert [round(float(np.mean(picture)) / 20) for picture in pictures if picture is not None] == [0, 1, 2, 3, 4]


# --- how frames go out ----------------------------------------------------------------------


@pytest.fixture
def open_broker(settings: Settings) -> Iterator[Broker]:
    with Broker(settings.brokers) as open_one:
        yield open_one


def test_every_frame_has_one_report_that_says_where_it_lies(settings: Settings, open_broker: Broker) -> None:
    reports: list[tuple[SentFrame, Delivery]] = []
    sender = Sender(
        open_broker, settings.topics.frames, PipelineName("default", "shelf"), lambda *one: reports.append(one)
    )
    ids = [sender.send(RECORDS, "application/json", str(number)).request_id for number in range(50)]
    sender.finish()
    assert sorted(sent.request_id for sent, _ in reports) == sorted(ids)
    assert {sent.size_bytes for sent, _ in reports} == {len(RECORDS)}
    places = [place for _, place in reports if isinstance(place, Origin)]
    assert len(set(places)) == 50
    assert (sender.counts.sent, sender.counts.confirmed, sender.counts.failed) == (50, 50, 0)


def test_no_more_is_under_way_than_the_bound_however_fast_it_comes(settings: Settings, open_broker: Broker) -> None:
    sender = Sender(open_broker, settings.topics.frames, PipelineName("default", "shelf"), lambda *_: None)
    frame = JPEG + bytes(12 * MIB)
    for _ in range(6):
        sender.send(frame, "image/jpeg")
        counts = sender.counts
        assert (counts.sent - counts.confirmed - counts.failed) * len(frame) <= IN_FLIGHT_BYTES_MAX
    sender.finish()
    assert sender.counts.confirmed == 6


def test_what_the_topic_does_not_take_is_reported_as_too_large_and_the_next_can_be_sent(open_broker: Broker) -> None:
    open_broker.create([Topic("cli-send-narrow", 1, record_bytes_max=10_000, retention_ms=-1)])
    reports: list[Delivery] = []
    sender = Sender(
        open_broker, "cli-send-narrow", PipelineName("default", "shelf"), lambda _, delivery: reports.append(delivery)
    )
    for size in (20_000, 100):
        sender.send(bytes(size), "image/jpeg")
        sender.finish()
    assert isinstance(reports[0], FrameTooLarge)
    assert "max.message.bytes" in str(reports[0])
    assert reports[1] == Origin("cli-send-narrow", 0, 0)


def test_a_frame_above_the_limit_is_refused_before_it_is_sent(settings: Settings, open_broker: Broker) -> None:
    sender = Sender(
        open_broker, settings.topics.frames, PipelineName("default", "shelf"), lambda *_: None, headers={"a": "b" * MIB}
    )
    with pytest.raises(FrameTooLarge, match="key and headers"):
        sender.send(RECORDS, "application/json")
    assert sender.counts.sent == 0


# --- the command ----------------------------------------------------------------------------


def test_each_confirmed_frame_is_a_json_line_that_says_where_its_record_lies(
    settings: Settings, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before_ms = now_ms()
    options = ["--key", "camera-7", "--header", "camera=door=3", "--deadline-ms", "60000", "--json"]
    assert cli.main(["send", str(folder), "--pipeline", "shelf", *options]) == OK
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    records = records_of(settings, rows)
    assert [Path(row["path"]).name for row in rows] == ["a.json", "b.JPG", "c.arrow", "d.jpeg"]
    for row in rows:
        record = records[row["request_id"]]
        headers = {name: value.decode() for name, value in record.headers}
        assert (row["topic"], row["partition"], row["offset"]) == (record.topic, record.partition, record.offset)
        assert record.value == Path(row["path"]).read_bytes()
        assert row["bytes"] == len(record.value)
        assert record.key == b"camera-7"
        assert (headers["pipeline"], headers["camera"]) == ("default/shelf", "door=3")
        assert before_ms + 60_000 <= int(headers["deadline"]) <= now_ms() + 60_000
    kinds = [dict(records[row["request_id"]].headers)["content-type"].decode() for row in rows]
    assert kinds == ["application/json", "image/jpeg", "application/vnd.apache.arrow.stream", "image/jpeg"]
    assert "4 sent, 4 confirmed, 0 failed" in said.err
    assert "left out of folders (no frames by their names, hidden, or links to folders): 2" in said.err
    assert "`sparring results --pipeline default/shelf`" in said.err


def test_a_bad_file_is_named_with_its_error_the_others_are_sent_and_the_exit_code_is_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "large.jpg").write_bytes(JPEG + bytes(FRAME_BYTES_MAX))
    (folder / "text.jpg").write_bytes(b"hello")
    assert cli.main(["send", str(folder), "--pipeline", "shelf"]) == FAILED
    said = capsys.readouterr()
    assert f"sparring: {folder}/large.jpg: not sent: FrameTooLarge: " in said.err
    assert f"sparring: {folder}/text.jpg: not sent: UnknownContentType: " in said.err
    assert "4 sent, 4 confirmed, 0 failed" in said.out
    assert "; 2 refused" in said.out


@pytest.mark.parametrize(
    ("name", "says"), [("nobody", "default/nobody does not exist"), ("old", "default/old is not deployed")]
)
def test_a_pipeline_that_nobody_answers_for_is_an_error_that_names_those_that_are_deployed(
    name: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["send", str(folder / "b.JPG"), "--pipeline", name]) == FAILED
    assert capsys.readouterr().err == f"sparring: --pipeline: {says}; deployed are: default/shelf\n"


def test_a_loop_ends_at_its_count_and_keeps_the_pace(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    limits = ["--loop", "--count", "9", "--fps", "10"]
    assert cli.main(["send", str(folder / "b.JPG"), "--pipeline", "shelf", *limits]) == OK
    assert time.monotonic() - started >= 0.8
    assert "9 sent, 9 confirmed" in capsys.readouterr().out


def test_a_loop_ends_after_its_seconds_however_slow_the_pace(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ["--loop", "--duration", "3", "--fps", "0.01"]
    assert cli.main(["send", str(folder / "b.JPG"), "--pipeline", "shelf", *limits]) == OK
    said = capsys.readouterr().out
    assert "1 sent, 1 confirmed" in said
    assert "its answer: `sparring result " in said


def test_ctrl_c_waits_for_the_reports_prints_the_summary_and_exits_with_130(settings: Settings, folder: Path) -> None:
    arguments = ("send", str(folder / "b.JPG"), "--pipeline", "shelf", "--loop", "--json")
    with subprocess.Popen(
        (sys.executable, "-m", "sparring", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as sending:
        assert sending.stdout is not None
        first = [sending.stdout.readline() for _ in range(100)]
        sending.send_signal(signal.SIGINT)
        rest = sending.stdout.read().splitlines()
        assert sending.stderr is not None
        error = sending.stderr.read()
        assert sending.wait(60) == 130
    rows = [json.loads(line) for line in (*first, *rest)]
    assert f"{len(rows)} sent, {len(rows)} confirmed, 0 failed" in error
    assert len({(row["partition"], row["offset"]) for row in rows}) == len(records_of(settings, rows)) == len(rows)


def test_a_reader_that_goes_away_ends_sending_without_a_word_of_its_own(folder: Path) -> None:
    arguments = ("send", str(folder / "b.JPG"), "--pipeline", "shelf", "--loop", "--json")
    with subprocess.Popen(
        (sys.executable, "-m", "sparring", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as sending:
        assert sending.stdout is not None
        assert json.loads(sending.stdout.readline())
        sending.stdout.close()
        assert sending.stderr is not None
        assert without_progress(sending.stderr.read()) == []
        assert sending.wait(60) == 141


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--header", "pipeline=other"), "is set by sparring itself"),
        (("--header", "camera"), "expected NAME=VALUE"),
        (("--fps", "0"), "expected a number above 0"),
        (("--count", "1.5"), "expected a whole number above 0"),
        (("--pipeline", "two words"), "is not a name"),
    ],
)
def test_a_wrong_option_is_wrong_usage(option: tuple[str, str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        cli.main(["send", os.devnull, "--pipeline", "shelf", *option])
    assert exited.value.code == 2
    assert says in capsys.readouterr().err
