"""`infer`: what is sent, how long it waits for whom, what it says of who is missing. The answers are made."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from adapters.settings import Settings
from schemas.frames import Frame
from schemas.limits import DELIVERY_S_MAX, FRAME_BYTES_MAX
from schemas.pipelines import PipelineVersion
from schemas.results import Answer, failure_value
from schemas.tables.read import encode_table, read_arrow
from sparring import Client, ModelVersion, Pipeline
from sparring.object import FrameTooLarge, InferenceError, InferenceTimeoutError
from sparring.stack import LocalStack
from tests.freezing import frozen
from tests.sparring.sdk import answer_to, answering, beating, upload
from tests.waiting import eventually

FRAME = pd.DataFrame({"tensor": [[1.0, 2.0]]})
TWICE = encode_table(pa.Table.from_arrays([pa.array([[1.0]]), pa.array([[2.0]])], ["y", "y"]))


@pytest.fixture(scope="module")
def broker(own_broker: LocalStack) -> LocalStack:
    """Tests of this file freeze it."""
    return own_broker


@pytest.fixture(scope="module")
def models(client: Client, tmp_path_factory: pytest.TempPathFactory) -> list[ModelVersion]:
    folder = tmp_path_factory.mktemp("models")
    return [upload(client, folder, name) for name in ("champion", "rival", "slow")]


@pytest.fixture(scope="module")
def shadowed(client: Client, models: list[ModelVersion]) -> Pipeline:
    """Live: one champion, two challengers."""
    with beating(client):
        pipeline = client.build_pipeline("shadowed").add_shadow_deploy(models[0], models[1:])
        return pipeline.deploy(wait_for_status=False)


def live(client: Client) -> PipelineVersion:
    catalog = client.get_pipeline("shadowed")._connection.catalog()  # noqa: SLF001 (what the router reads)
    version = next(catalog.live(name) for name in catalog.pipelines)
    assert version is not None
    return version


def test_the_official_answer_and_all_challengers_are_one_row(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline
) -> None:
    version = live(client)

    def answer(frame: Frame) -> list[Answer]:
        official = answer_to(frame, version, models[0], 0.5, parts=2)
        rivals = [answer_to(frame, version, model, 0.25, role="challenger") for model in models[1:]]
        return [official, *rivals]

    with answering(settings, answer):
        got = shadowed.infer(FRAME)
        table = shadowed.infer(pa.Table.from_pandas(FRAME))
    names = ["time", "in.tensor", "out.variable", "anomaly.count", "out_rival.variable", "out_slow.variable"]
    assert list(got.columns) == names == table.column_names
    assert got.drop(columns="time").to_dict("records") == [
        {
            "in.tensor": [1.0, 2.0],
            "out.variable": [0.5],
            "anomaly.count": 0,
            "out_rival.variable": [0.25],
            "out_slow.variable": [0.25],
        }
    ]


def test_headers_key_and_the_bytes_of_an_image_travel_as_they_are(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline, tmp_path: Path
) -> None:
    version = live(client)
    seen: list[Frame] = []

    def answer(frame: Frame) -> list[Answer]:
        seen.append(frame)
        return [answer_to(frame, version, models[0], 0.5)]

    picture = tmp_path / "frame.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0 a picture")
    with answering(settings, answer):
        got = shadowed.infer_image(picture, headers={"camera": "7"}, key="shelf-3")
        shadowed.infer(FRAME)
    assert list(got.columns) == ["time", "out.variable", "anomaly.count"]
    image, table = seen
    assert (image.value, image.key, image.content_type) == (picture.read_bytes(), b"shelf-3", "image/jpeg")
    assert (image.header("camera"), image.header("pipeline")) == ("7", "default/shadowed")
    assert table.key is None
    assert read_arrow(table.value).schema.field("tensor").type == pa.list_(pa.float32())


def test_an_error_answer_raises_its_reason_and_names_the_request(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline
) -> None:
    version = live(client)
    value = failure_value("WrongShape", "tensor: [3]; expected [2]", "infer")

    def answer(frame: Frame) -> list[Answer]:
        return [answer_to(frame, version, models[0], 0, status="error", value=value)]

    with (
        answering(settings, answer),
        pytest.raises(InferenceError, match=r"WrongShape: tensor: \[3\]; expected \[2\] \(stage infer, request"),
    ):
        shadowed.infer(FRAME)


def test_a_dead_challenger_is_not_waited_for_and_is_named(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline
) -> None:
    version = live(client)

    def answer(frame: Frame) -> list[Answer]:
        rival = answer_to(frame, version, models[1], 0.25, role="challenger")
        return [rival, answer_to(frame, version, models[0], 0.5, parts=2)]

    with beating(client, (models[1], "shadow")), answering(settings, answer):
        began_s = time.monotonic()
        with pytest.warns(UserWarning, match=r"are missing: slow \(no answer\)") as said:
            got = shadowed.infer(FRAME, timeout=60)
        assert time.monotonic() - began_s < 40
    assert said[0].filename == __file__
    assert list(got.columns) == ["time", "in.tensor", "out.variable", "anomaly.count", "out_rival.variable"]


def test_a_living_challenger_is_waited_for_as_long_as_shadow_wait_says(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline
) -> None:
    version = live(client)

    def answer(frame: Frame) -> list[Answer]:
        rival = answer_to(frame, version, models[1], 0.25, role="challenger")
        return [rival, answer_to(frame, version, models[0], 0.5, parts=2)]

    with beating(client, (models[2], "shadow")), answering(settings, answer):
        began_s = time.monotonic()
        with pytest.warns(UserWarning, match="slow"):
            shadowed.infer(FRAME, timeout=60, shadow_wait=1.0)
        assert 1.0 <= time.monotonic() - began_s < 40


def test_who_hears_nobody_takes_no_challenger_for_dead(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline
) -> None:
    version, follower = live(client), client._connection.follower  # noqa: SLF001 (what this client hears)
    eventually(lambda: not follower.alive(), 60, "the others to be silent")

    def answer(frame: Frame) -> list[Answer]:
        return [answer_to(frame, version, models[0], 0.5, parts=2)]

    with answering(settings, answer):
        began_s = time.monotonic()
        with pytest.warns(UserWarning, match="slow"):
            shadowed.infer(FRAME, timeout=60, shadow_wait=1.0)
        assert time.monotonic() - began_s >= 1.0


def test_a_challenger_that_failed_is_a_warning_with_its_reason(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline
) -> None:
    version = live(client)
    value = failure_value("StepFailed", "division by zero", "infer")

    def answer(frame: Frame) -> list[Answer]:
        good, bad = models[1:]
        return [
            answer_to(frame, version, models[0], 0.5, parts=2),
            answer_to(frame, version, good, 0.25, role="challenger"),
            answer_to(frame, version, bad, 0, role="challenger", status="error", value=value),
        ]

    with (
        answering(settings, answer),
        pytest.warns(UserWarning, match=r"missing: slow \(StepFailed: division by zero\)"),
    ):
        got = shadowed.infer(FRAME)
    assert "out_rival.variable" in got.columns


@pytest.mark.parametrize("value", [TWICE, b"no Arrow at all", b""], ids=["a name twice", "no Arrow", "nothing"])
def test_an_ok_answer_that_cannot_be_read_is_an_inference_error_and_the_log_goes_on_without_it(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline, value: bytes
) -> None:
    version, values = live(client), iter([None, value])

    def answer(frame: Frame) -> list[Answer]:
        unread = next(values)
        return [answer_to(frame, version, models[0], 0.5, **({} if unread is None else {"value": unread}))]

    with answering(settings, answer):
        shadowed.infer(FRAME)
        with pytest.raises(InferenceError, match="its answer is ok and cannot be read: ") as raised:
            shadowed.infer(FRAME)
    assert (raised.value.error, raised.value.stage) == ("BadArrow", "read")
    with pytest.warns(UserWarning, match=rf"their answers cannot be read; one is {raised.value.request_id}"):
        log = shadowed.logs(limit=2, dataset=["out"])
    assert log["out.variable"].tolist() == [[0.5]]


def test_a_challengers_answer_that_cannot_be_read_is_a_warning(
    settings: Settings, client: Client, models: list[ModelVersion], shadowed: Pipeline
) -> None:
    version = live(client)

    def answer(frame: Frame) -> list[Answer]:
        rivals = [
            answer_to(frame, version, models[1], 0.25, role="challenger", value=TWICE),
            answer_to(frame, version, models[2], 0.25, role="challenger"),
        ]
        return [answer_to(frame, version, models[0], 0.5, parts=2), *rivals]

    with answering(settings, answer), pytest.warns(UserWarning, match=r"rival \(BadArrow: column 'y' stands twice"):
        got = shadowed.infer(FRAME)
    assert list(got.columns) == ["time", "in.tensor", "out.variable", "anomaly.count", "out_slow.variable"]


def test_no_answer_in_time_is_a_timeout_with_its_seconds(shadowed: Pipeline) -> None:
    with pytest.raises(InferenceTimeoutError, match=r"no answer to request .* within 0.5 s"):
        shadowed.infer(FRAME, timeout=0.5)


def test_while_kafka_stands_still_infer_ends_in_its_time_and_its_frame_is_not_lost(
    broker: LocalStack, shadowed: Pipeline
) -> None:
    first = ends(shadowed)
    with pytest.raises(InferenceTimeoutError, match="no answer to request"):
        shadowed.infer(FRAME, timeout=0.5)  # Kafka's client knows the topic now
    before = eventually(lambda: (now := ends(shadowed)) > first and now, 60, "the first frame on its topic")
    with frozen(broker.process("kafka")):
        began_s = time.monotonic()
        with pytest.raises(
            InferenceTimeoutError,
            match=r"no answer to request .* within 0.5 s: .* not confirmed .*; it may be answered",
        ):
            shadowed.infer(FRAME, timeout=0.5)
        assert time.monotonic() - began_s < DELIVERY_S_MAX / 2
    eventually(lambda: ends(shadowed) == before + 1, 60, "the frame on its topic")


def ends(pipeline: Pipeline) -> int:
    """How many frames were ever sent."""
    connection = pipeline._connection  # noqa: SLF001 (where they lie)
    return sum(connection.broker.end(connection.topics.frames, partition) for partition in range(4))


def test_what_is_too_large_or_does_not_fit_is_refused_before_it_is_sent(client: Client, shadowed: Pipeline) -> None:
    broker = shadowed._connection.broker  # noqa: SLF001 (nothing may have been sent)
    topic = shadowed._connection.topics.frames  # noqa: SLF001
    before = [broker.end(topic, partition) for partition in range(4)]
    with pytest.raises(FrameTooLarge, match=f"expected at most {FRAME_BYTES_MAX}"):
        shadowed.infer_image(b"\xff\xd8\xff" + bytes(FRAME_BYTES_MAX))
    with pytest.raises(FrameTooLarge, match="key and headers"):
        shadowed.infer(FRAME, headers={"note": "x" * 100_000})
    with pytest.raises(ValueError, match="champion cannot take it: no column 'tensor'"):
        shadowed.infer(pd.DataFrame({"picture": [np.zeros(2)]}))
    assert [broker.end(topic, partition) for partition in range(4)] == before
    assert client.get_pipeline("shadowed").status()["status"] == "Starting"
