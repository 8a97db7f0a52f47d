"""`sparring replay`, as typed: what was recorded comes out again, and nothing official is written."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from redis import Redis

from adapters.brokers import Brokers
from adapters.clock import now_ms
from examples.models import MODEL_NAMES, model_path
from examples.shelf import render_shelf
from schemas.frames import Origin
from schemas.results import Answer
from schemas.tables.read import read_arrow
from sparring import Client, Framework, ModelVersion, Pipeline
from sparring.checks import moment
from sparring.cli.exits import FAILED, NOTHING_THERE, OK, WRONG_USAGE
from sparring.dataset import open_dataset
from sparring.frames.fetch import fetch_records
from sparring.kafka.broker import Broker
from sparring.sources import frames_of
from sparring.stack import LocalStack
from tests.bucket import CHANGED_MS, buckets
from tests.journeys.typed import Said, typed
from tests.journeys.wire import Wire
from tests.small_models import same_image_model, scaling_model
from tests.video import write_video
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]
REPLAYED = 120
"""Frames of the replay that is killed."""

pytestmark = pytest.mark.usefixtures("addressed")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = open_dataset(folder).to_table().to_pylist()
    return sorted(rows, key=lambda row: (row["subject"], row["role"] or ""))


def topics(stack: LocalStack) -> set[str]:
    """The topics of the system and of its replays."""
    admin = KafkaAdminClient(bootstrap_servers=stack.kafka)
    try:
        return {name for name in admin.list_topics() if name.startswith((f"{stack.namespace}.", f"{stack.namespace}-"))}
    finally:
        admin.close()


def official(stack: LocalStack) -> tuple[dict[str, int], set[bytes]]:
    """How much lies on each topic of the system, but for its beats, and what Redis knows."""
    consumer = KafkaConsumer(bootstrap_servers=stack.kafka)
    try:
        names = [name for name in consumer.topics() if name.startswith(f"{stack.namespace}.")]
        names.remove(f"{stack.namespace}.presence")
        places = [TopicPartition(name, one) for name in names for one in consumer.partitions_for_topic(name) or ()]
        ends: Counter[str] = Counter()
        for place, end in consumer.end_offsets(places).items():
            ends[place.topic] += end
    finally:
        consumer.close()
    with Redis.from_url(stack.redis) as redis:
        return dict(ends), set(redis.scan_iter(match=f"{stack.namespace}[-:]*", count=10_000))


def is_indexed(stack: LocalStack, ids: list[str]) -> bool:
    """Whether Redis knows all of these requests."""
    names = b" ".join(official(stack)[1])
    return all(one.encode() in names for one in ids)


def send_some(wire: Wire, pipeline: Pipeline, count: int, seed: int) -> list[str]:
    rng = Random(seed)
    return [
        wire.send(
            pipeline.name(),
            f'[{{"tensor": [{number}, {rng.random()}]}}]'.encode() if number % 10 else b"no frame",
            key=f"camera-{number % 3}".encode(),
            headers=[("shop", f"shop-{rng.randrange(12)}".encode())],
        )
        for number in range(count)
    ]


def test_a_recorded_stream_gives_the_same_official_results_bit_for_bit_and_the_same_decisions(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire, seed: int, capsys: Said, tmp_path: Path
) -> None:
    arms = [(2, scale("replay-a", 2.0)), (1, scale("replay-b", 3.0))]
    pipeline.add_random_split(arms, hash_key="shop").deploy()
    ids = send_some(wire, pipeline, 60, seed)
    recorded = wire.answers(ids)
    refused = [one for one, answer in recorded.items() if answer.status != "ok"]
    assert [wire.deadletter(one) for one in refused], "all that is official is written"
    eventually(lambda: is_indexed(stack, ids), 60, "the index to know them")
    before, (ends, keys) = topics(stack), official(stack)

    out = tmp_path / "run"
    code, said, _ = typed(capsys, "replay", "--from", "1h", "--pipeline", pipeline.name(), "--out", str(out), "--json")
    facts = json.loads(said)
    assert (code, facts["finished"]) == (OK, True)
    assert (facts["sent"], facts["sent_again"], facts["written"]) == (60, 0, 60)
    assert facts["statuses"] == Counter(answer.status for answer in recorded.values())

    rows = rows_of(out)
    assert [row["subject"] for row in rows] == sorted(ids)
    for row in rows:
        then = recorded[row["subject"]]
        assert (row["model"], row["model_version"], row["model_sha256"]) == made_by(then)
        assert (row["status"], row["split"], row["pipeline_version"]) == (
            then.status,
            row["recorded.split"],
            then.pipeline_version,
        )
        assert (row["frame_digest"], row["recorded.frame_digest"]) == (then.frame_digest, then.frame_digest)
        assert row["recorded.model"] == then.model
        assert row.get("out.y") == row.get("recorded.out.y")
        if then.status == "ok":
            (told,) = read_arrow(then.value)["y"].to_pylist()
            assert np.array(row["out.y"], np.float32).tobytes() == np.array(told, np.float32).tobytes()

    eventually(lambda: topics(stack) <= before, 60, "no topic of the replay to be left")
    assert official(stack) == (ends, keys), "nothing official was written"


def made_by(answer: Answer) -> tuple[str | None, str | None, str | None]:
    return answer.model, answer.model_version, answer.model_sha256


def test_a_candidate_that_is_deployed_nowhere_answers_beside_what_was_recorded_however_old_its_challengers_tasks_are(
    pipeline: Pipeline, scale: Scale, wire: Wire, capsys: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARRING_SHADOW_AGE_MS_MAX", "1")  # of a live system: its challengers' tasks would all be shed
    pipeline.add_model_step(scale("replay-champion", 2.0)).deploy()
    ids = [wire.send(pipeline.name(), f'[{{"tensor": [{number}, 1]}}]'.encode()) for number in range(5)]
    wire.answers(ids)
    (tmp_path / "next.onnx").write_bytes(scaling_model(5.0))
    candidate = tmp_path / "next.yaml"
    candidate.write_text(
        f"pipeline: {pipeline.name()}\n"
        "models:\n  replay-next: {path: next.onnx, framework: onnx}\n"
        "steps:\n  - shadow_deploy: {champion: replay-next, challengers: [replay-champion]}\n"
    )
    out = tmp_path / "run"
    arguments = ("replay", "--ids", ",".join(ids[:3]), "--candidate", str(candidate), "--out", str(out))
    code, said, _ = typed(capsys, *arguments)
    assert code == OK, said
    rows = rows_of(out)
    officials = [row for row in rows if row["role"] == "champion"]
    assert [row["subject"] for row in officials] == sorted(ids[:3])
    for row in officials:
        assert (row["model"], row["recorded.model"]) == ("replay-next", "replay-champion")
        assert [2 * value for value in row["out.y"]] == [5 * value for value in row["recorded.out.y"]]
    challenged = [row for row in rows if row["role"] == "challenger"]
    assert [(row["subject"], row["status"]) for row in challenged] == [(one, "ok") for one in sorted(ids[:3])]
    assert {row["model"] for row in challenged} == {"replay-champion"}
    assert {row["recorded.model"] for row in challenged} == {None}
    assert pipeline.status()["models"][0]["name"] == "replay-champion", "nobody deployed the candidate"


def test_a_candidate_that_takes_smaller_pictures_leaves_what_was_recorded_in_its_own_pixels(
    pipeline: Pipeline, detector: ModelVersion, wire: Wire, capsys: Said, tmp_path: Path
) -> None:
    pipeline.add_model_step(detector).deploy()
    ids = [wire.send(pipeline.name(), render_shelf(seed=seed).jpeg()) for seed in range(2)]
    wire.answers(ids)
    candidate = tmp_path / "small.yaml"
    candidate.write_text(
        f"pipeline: {pipeline.name()}\n"
        f"models:\n  small:\n    path: {model_path(MODEL_NAMES[0])}\n    framework: onnx\n"
        "    configure: {runtime: onnx, image: {width: 320, height: 224, aspect: letterbox}}\n"
        "steps:\n  - model: small\n"
    )
    out = tmp_path / "run"
    code, _, err = typed(capsys, "replay", "--ids", ",".join(ids), "--candidate", str(candidate), "--out", str(out))
    assert code == OK, err
    rows = rows_of(out)
    assert [row["subject"] for row in rows] == sorted(ids)
    for row in rows:
        assert (row["input_width"], row["input_height"], row["input_aspect"]) == (320, 224, "letterbox")
        then = [row[f"recorded.input_{name}"] for name in ("width", "height", "aspect")]
        assert then == [640, 480, "stretch"]


def test_a_live_replay_is_answered_officially_as_new_requests_that_name_the_old_ones(
    pipeline: Pipeline, scale: Scale, wire: Wire, capsys: Said, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("replay-live", 2.0))
    before = moment(now_ms()).isoformat()
    refused = wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]')
    wire.deadletter(refused)
    arguments = ("--dead-letters", "--error", "NotDeployed", "--pipeline", pipeline.name())
    out = tmp_path / "run"
    for looking in ((), ("--dry-run",)):
        code, _, err = typed(capsys, "replay", *arguments, "--live", "--out", str(out), *looking)
        assert (code, f"{pipeline.name()} is not deployed" in err) == (FAILED, True), err
    pipeline.deploy()
    code, said, _ = typed(capsys, "replay", *arguments, "--dry-run", "--json")
    facts = json.loads(said)
    assert (code, facts["frames"]) == (OK, 1)
    assert (facts["pipeline_version"], facts["live"]) == (pipeline.status()["version"], False)
    code, _, err = typed(capsys, "replay", *arguments, "--version", "abcdef", "--dry-run")
    assert (code, "has no version 'abcdef'; there are: " in err) == (FAILED, True), err
    code, _, _ = typed(capsys, "replay", *arguments, "--from", "1h", "--to", before, "--dry-run")
    assert code == NOTHING_THERE
    code, _, err = typed(capsys, "replay", *arguments, "--live", "--out", str(out))
    assert code == OK, err
    (row,) = rows_of(out)
    assert (row["subject"], row["status"], row["out.y"]) == (refused, "ok", [2.0, 4.0])
    assert (row["recorded.status"], row["recorded.error"]) == ("error", "NotDeployed")
    assert wire.answer(row["request_id"]).status == "ok"
    assert row["request_id"] != refused


def test_a_replay_keeps_the_rhythm_in_which_frames_were_produced_or_its_own(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire, capsys: Said, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("replay-rhythm", 2.0)).deploy()
    after = [0, 300, 600, 900, 3600, 3900, 4200, 6000, 6300]
    began = now_ms() - 60_000
    # Over the partitions in turn: an order by partition would not be that of time.
    ids = [
        wire.send(pipeline.name(), b'[{"tensor": [1, 1]}]', key=f"camera-{number}".encode(), at=began + ms)
        for number, ms in enumerate(after)
    ]
    wire.answers(ids)

    outs = (tmp_path / f"{number}" for number in count())

    def sent_after(some: list[str], *pace: str) -> list[int]:
        """When each frame was sent, milliseconds after the first; to the live pipeline, which is there at once."""
        out = next(outs)
        words = ("replay", "--ids", ",".join(some), "--pipeline", pipeline.name(), "--live", "--out", str(out))
        code, _, err = typed(capsys, *words, *pace)
        assert code == OK, err
        places = {row["subject"]: Origin.parse(row["frame"]) for row in rows_of(out)}
        with Broker(Brokers(stack.kafka)) as broker:
            records = fetch_records(broker, places.values())
        times = [records[places[one]].timestamp for one in some]
        return [at - times[0] for at in times]

    early_ms, late_ms = 5, 1_500  # none too early; a busy machine may make all late, once or twice
    for some, pace, due in (
        (ids, ("--speed", "3"), [ms / 3 for ms in after]),
        (ids, ("--fps", "8"), [125.0 * number for number in range(len(after))]),
        (ids[:3], ("--realtime",), after[:3]),
    ):
        tries: list[list[int]] = []
        while not tries or (median(tries[-1]) > late_ms and len(tries) < 3):
            came = sent_after(some, *pace)
            assert came == sorted(came)
            tries.append([ms - round(expected) for ms, expected in zip(came, due, strict=True)])
            assert min(tries[-1]) >= -early_ms, (pace, came)
        assert median(tries[-1]) <= late_ms, (pace, tries)


def test_a_replay_that_is_killed_again_and_again_has_each_frame_once_in_its_dataset(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire, seed: int, capsys: Said, tmp_path: Path
) -> None:
    """As it begins, between two writings, between writing and noting, at its end: wherever it happens to be."""
    pipeline.add_model_step(scale("replay-killed", 2.0)).deploy()
    ids = [wire.send(pipeline.name(), f'[{{"tensor": [{number}, 1]}}]'.encode()) for number in range(REPLAYED)]
    wire.answers(ids)
    before, out, rng = topics(stack), tmp_path / "run", Random(seed)

    def kill(command: tuple[str, ...], wanted: Callable[[Noted], bool], what: str, within_s: float = 0.0) -> Noted:
        """Kill it when the journal says so, or at any moment in the seconds after that; what the journal says then."""
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                eventually(lambda: wanted(noted(out)), 120, what)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(rng.uniform(0, within_s))
            finally:
                running.kill()
        return noted(out)

    begins = (sys.executable, "-m", "sparring", "replay", "--from", "1h", "--pipeline", pipeline.name())
    first = rng.randrange(5, 25)
    state = kill((*begins, "--fps", "10", "--out", str(out)), lambda now: now.sent >= first, f"{first} frames sent")
    assert state.written == 0, "a replay writes every ten seconds: all that was sent is sent again"
    goes_on = (sys.executable, "-m", "tests.journeys.replaying", str(out))
    for killed in rng.sample(("as it starts", "on its way", "as it writes", "as it writes"), 4):
        begun, some = state, rng.randrange(1, 12)
        match killed:
            case "as it starts":
                state = kill(goes_on, lambda now: now.attempts > begun.attempts, "a new attempt", within_s=5)  # noqa: B023
            case "on its way":
                state = kill(goes_on, lambda now: now.sent > begun.sent + some, "some to be sent")  # noqa: B023
            case _:
                state = kill(goes_on, lambda now: now.written >= begun.written + some, "some to be written")  # noqa: B023
        assert state.written >= begun.written, killed
    assert 0 < state.written < REPLAYED, "it was killed between its first writing and its last"
    kill(goes_on, lambda now: now.written == REPLAYED, "all to be written", within_s=2)

    code, said, err = typed(capsys, "replay", "--resume", str(out), "--json")
    facts = json.loads(said)
    assert (code, facts["finished"], facts["sent"], facts["written"]) == (OK, True, REPLAYED, REPLAYED)
    assert facts["sent_again"] >= first
    assert "starting" not in err, "nothing was left to send"
    assert sorted(row["subject"] for row in rows_of(out)) == sorted(ids)
    eventually(lambda: topics(stack) <= before, 60, "no topic of any of them to be left")
    code, said, err = typed(capsys, "replay", "--resume", str(out), "--json")
    assert (code, json.loads(said)) == (OK, facts)
    assert "nothing left to do" in err


class Noted(NamedTuple):
    """What a journal says, whoever writes it. sent: as often as it was."""

    attempts: int = 0
    sent: int = 0
    written: int = 0


def noted(out: Path) -> Noted:
    path = out / "_replay" / "journal.sqlite"
    if not path.exists():
        return Noted()
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
        (attempts,) = db.execute("SELECT sum(value) FROM facts WHERE name = 'attempts'").fetchone()
        (sent,) = db.execute("SELECT sum(times) FROM sent").fetchone()
        (written,) = db.execute("SELECT count(*) FROM written").fetchone()
        return Noted(int(attempts or 0), int(sent or 0), int(written))


def test_a_folder_and_a_dataset_are_replayed_and_a_column_that_is_not_there_is_named(
    pipeline: Pipeline, scale: Scale, capsys: Said, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("replay-files", 2.0)).deploy()
    folder = tmp_path / "tables"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.json").write_text(f'[{{"tensor": [{number}, 1]}}]')
    code, _, err = typed(capsys, "replay", str(folder), "--pipeline", pipeline.name(), "--out", str(tmp_path / "files"))
    assert code == OK, err
    rows = rows_of(tmp_path / "files")
    assert [(Path(row["subject"]).name, row["out.y"]) for row in rows] == [
        (f"{number}.json", [2.0 * number, 2.0]) for number in range(3)
    ]
    assert {row["recorded.status"] for row in rows} == {None}

    tensors = pa.table({"tensor": pa.array([[1, 2], [3, 4]], pa.list_(pa.float32())), "camera": ["a", "b"]})
    pq.write_table(tensors, tmp_path / "tensors.parquet")
    arguments = ("--column", "tensor", "--key-column", "camera", "--pipeline", pipeline.name())
    code, _, err = typed(
        capsys, "replay", str(tmp_path / "tensors.parquet"), *arguments, "--out", str(tmp_path / "rows")
    )
    assert code == OK, err
    assert [row["out.y"] for row in rows_of(tmp_path / "rows")] == [[2.0, 4.0], [6.0, 8.0]]
    code, _, err = typed(
        capsys, "replay", str(tmp_path / "tensors.parquet"), "--column", "image", *arguments[2:], "--dry-run"
    )
    assert (code, "has no column 'image'; it has tensor, camera" in err) == (1, True)


def test_videos_and_pictures_of_a_disk_and_of_a_bucket_are_replayed_each_picture_at_its_own_time(
    client: Client, pipeline: Pipeline, capsys: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "same.onnx").write_bytes(same_image_model(8))
    same = client.upload_model("replay-same", tmp_path / "same.onnx", framework=Framework.ONNX)
    pipeline.add_model_step(same.configure("onnx", image={"width": 8, "height": 8})).deploy()
    clip = write_video(tmp_path / "clip.mp4", 4)
    os.utime(clip, (1_700_000_000, 1_700_000_000))
    with buckets() as server:
        for name, value in (
            ("AWS_ENDPOINT_URL", f"http://{server.endpoint}"),
            ("AWS_ACCESS_KEY_ID", "somebody"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ):
            monkeypatch.setenv(name, value)
        server.objects["/archive/clips/a b.mp4"] = clip.read_bytes()
        for number, jpeg in enumerate(sendable.value for sendable in frames_of(clip)):
            server.objects[f"/archive/october/{number}.jpg"] = jpeg
        answers = ("--pipeline", pipeline.name())
        words = ("replay", str(clip), "s3://archive/clips", "s3://archive/october/[12].jpg", *answers)
        code, said, err = typed(capsys, *words, "--dry-run", "--json")
        facts = json.loads(said)
        assert (code, facts["frames"]) == (OK, 10), err
        assert (facts["first"], facts["last"]) == ("2023-11-14T22:13:20.000+00:00", "2026-01-01T00:00:00.120+00:00")
        code, _, err = typed(capsys, *words, "--live", "--out", str(tmp_path / "run"))
        assert code == OK, err
        code, _, err = typed(capsys, "replay", "s3://nobody/*.jpg", *answers, "--dry-run")
        assert (code, err.startswith("sparring: s3://nobody/*.jpg: there is no bucket 'nobody'; expected")) == (1, True)
    rows = rows_of(tmp_path / "run")
    there, elsewhere = f"{clip}#", "s3://archive/clips/a%20b.mp4#"
    of_a_video = [(f"{name}{number}", number) for name in (there, elsewhere) for number in range(4)]
    expected = [*of_a_video, *((f"s3://archive/october/{number}.jpg", number) for number in (1, 2))]
    assert [row["subject"] for row in rows] == [row["source"] for row in rows] == [name for name, _ in expected]
    for row, (name, number) in zip(rows, expected, strict=True):
        assert (row["status"], row["model"]) == ("ok", "replay-same")
        begin = 1_700_000_000_000 if name.startswith(there) else CHANGED_MS
        after_ms = 40 * number if "#" in name else 0
        assert round(row["at"].timestamp() * 1000) == begin + after_ms
        assert round(float(np.mean(row["out.y"])) / 20 * 255) == number, "its own pixels were answered"


def test_decisions_come_out_again_and_other_weights_move_only_keys_to_or_from_the_arm_that_was_changed(
    pipeline: Pipeline, scale: Scale, wire: Wire, seed: int, capsys: Said
) -> None:
    arms = [(2, scale("weigh-a", 2.0)), (1, scale("weigh-b", 3.0)), (1, scale("weigh-c", 4.0))]
    pipeline.add_random_split(arms, hash_key="shop").deploy()
    wire.answers(send_some(wire, pipeline, 40, seed))
    mine = ("replay", "--from", "1h", "--pipeline", pipeline.name())
    code, said, _ = typed(capsys, *mine, "--verify", "--json")
    seen = json.loads(said)
    assert (code, seen["decided"], seen["differences"]) == (OK, 40, [])

    code, said, _ = typed(capsys, *mine, "--what-if", "weigh-a=0", "--json")
    seen = json.loads(said)
    assert code == OK
    assert sum(seen["frames"].values()) == sum(seen["frames_then"].values()) == 40
    assert "weigh-a" not in seen["frames_then"]
    assert {move["before"] for move in seen["moves"]} == {"weigh-a"}
    assert sorted(move["key"] for move in seen["moves"]) == sorted({move["key"] for move in seen["moves"]})
    code, said, _ = typed(capsys, *mine, "--what-if", "weigh-a=0")
    assert "keys would move from weigh-a to" in said
    code, _, err = typed(capsys, *mine, "--what-if", "nobody=1")
    assert (code, "the split has no arm 'nobody'; it has weigh-a, weigh-b, weigh-c" in err) == (1, True)


def test_a_python_step_without_permission_is_refused_before_anything_is_begun(
    pipeline: Pipeline, average: ModelVersion, wire: Wire, capsys: Said, tmp_path: Path
) -> None:
    pipeline.add_model_step(average).deploy()
    wire.answer(wire.send(pipeline.name(), b'[{"boxes": [1, 2, 3, 4], "classes": [1], "confidences": [0.5]}]'))
    asked = ("replay", "--from", "1h", "--pipeline", pipeline.name(), "--out", str(tmp_path / "run"))
    code, _, err = typed(capsys, *asked)
    assert code == FAILED
    assert err.startswith("sparring: --allow-python is missing: the step average is Python")
    assert not (tmp_path / "run").exists()
    code, said, err = typed(capsys, *asked, "--allow-python", "--json")
    assert (code, json.loads(said)["written"]) == (OK, 1), err


def test_what_does_not_go_together_is_said_before_anything_is_done(pipeline: Pipeline, capsys: Said) -> None:
    for arguments, expected in (
        (["--pipeline", "p", "--out", "o"], "which frames?"),
        (["--from", "1h", "--out", "o"], "what answers? expected one of --pipeline, --candidate; came none"),
        (["--from", "1h", "--pipeline", "p"], "--out is missing"),
        (["--from", "1h", "--pipeline", "p", "--candidate", "c", "--out", "o"], "came both"),
        (["--from", "1h", "--pipeline", "p", "--fps", "1", "--realtime", "--out", "o"], "one of --fps"),
        (["a.jpg", "--pipeline", "p", "--verify"], "needs frames that were routed"),
    ):
        code, _, err = typed(capsys, "replay", *arguments)
        assert (code, expected in err) == (WRONG_USAGE, True), err
    before = ("--from", "3h", "--to", "2h")
    code, _, err = typed(capsys, "replay", *before, "--pipeline", pipeline.name(), "--dry-run")
    said = [line for line in err.splitlines() if " read, " not in line]  # a slow machine is told how far it is
    assert (code, said) == (NOTHING_THERE, ["sparring: there are no such frames; nothing was done"])


def test_a_time_in_which_only_others_frames_came_has_no_frames_and_nothing_is_started(
    client: Client, pipeline: Pipeline, scale: Scale, wire: Wire, capsys: Said, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("replay-other", 2.0)).deploy()
    wire.answer(wire.send(pipeline.name(), b'[{"tensor": [1, 1]}]'))
    mine = client.build_pipeline("replay-nobody-asks")
    mine.add_model_step(scale("replay-mine", 2.0)).deploy()
    mine.undeploy()
    asked = ("replay", "--from", "1h", "--pipeline", mine.name())
    code, _, err = typed(capsys, *asked, "--out", str(tmp_path / "run"))
    assert code == NOTHING_THERE, err
    assert "there were no such frames; nothing was sent" in err
    assert "starting" not in err
    code, said, _ = typed(capsys, *asked, "--dry-run", "--json")
    assert (code, json.loads(said)["frames"]) == (NOTHING_THERE, 0)


def test_a_file_that_is_no_frame_is_named_and_is_sent_once_it_is_mended_to_the_same_candidate(
    pipeline: Pipeline, capsys: Said, tmp_path: Path
) -> None:
    (tmp_path / "next.onnx").write_bytes(scaling_model(5.0))
    candidate = tmp_path / "next.yaml"
    candidate.write_text(
        f"pipeline: {pipeline.name()}\n"
        "models:\n  replay-mended: {path: next.onnx, framework: onnx}\nsteps:\n  - model: replay-mended\n"
    )
    tables, out = tmp_path / "tables", tmp_path / "run"
    tables.mkdir()
    for number in range(3):
        (tables / f"{number}.json").write_text(f'[{{"tensor": [{number}, 1]}}]' if number != 1 else "")
    code, said, err = typed(capsys, "replay", str(tables), "--candidate", str(candidate), "--out", str(out), "--json")
    facts = json.loads(said)
    assert (code, facts["finished"], facts["refused"], facts["written"]) == (FAILED, True, 1, 2)
    assert f"sparring: refused: {tables}/1.json: a file that begins b''" in err
    (tables / "1.json").write_text('[{"tensor": [1, 1]}]')
    code, said, err = typed(capsys, "replay", "--resume", str(out), "--json")
    facts = json.loads(said)
    assert (code, facts["refused"], facts["written"], facts["sent_again"]) == (OK, 0, 3, 0), err
    assert [row["out.y"] for row in rows_of(out)] == [[5.0 * number, 5.0] for number in range(3)]
