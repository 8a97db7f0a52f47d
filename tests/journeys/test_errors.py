"""Bad input gets a clear error at once: one error answer that `infer` raises, one dead letter with the bytes."""

import time
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pytest
from confluent_kafka import Producer

from adapters.clock import now_ms
from examples.shelf import render_shelf
from schemas.frames import RawHeaders
from schemas.limits import FRAME_BYTES_MAX
from schemas.tables.read import encode_table
from sparring import Client, ModelVersion, Pipeline
from sparring.object import FrameTooLarge, InferenceError
from sparring.stack import LocalStack
from tests.journeys.wire import Wire

Scale = Callable[[str, float], ModelVersion]
JPEG = render_shelf(seed=3).jpeg()


@pytest.fixture(scope="module")
def double(client: Client, scale: Scale) -> Pipeline:
    pipeline = client.build_pipeline("errors").add_model_step(scale("double", 2.0))
    return pipeline.deploy()


@pytest.mark.parametrize(
    ("pipeline", "value", "headers", "error"),
    [
        ("errors", b"hello", [], "UnknownContentType"),
        ("errors", b"hello", [("content-type", b"image/jpeg")], "MissingField"),
        ("errors", b"", [], "UnknownContentType"),
        ("errors", b"[{]", [], "BadJson"),
        ("errors", b"\xff\xff\xff\xff broken", [], "BadArrow"),
        ("errors", b'[{"other": [1, 2]}]', [], "MissingField"),
        ("errors", b'[{"tensor": ["a", "b"]}]', [], "WrongDtype"),
        ("errors", b'[{"tensor": [1, 2, 3]}]', [], "WrongShape"),
        ("errors", JPEG, [], "MissingField"),
        ("errors", b'[{"tensor": [1, 2]}]', [("deadline", b"soon")], "BadHeader"),
        ("nobody-made-this", JPEG, [], "UnknownPipeline"),
        ("no such name!", JPEG, [], "BadHeader"),
        (None, JPEG, [], "MissingHeader"),
    ],
)
def test_one_error_answer_and_one_dead_letter_with_the_bytes(
    double: Pipeline, wire: Wire, pipeline: str | None, value: bytes, headers: RawHeaders, error: str
) -> None:
    assert double.name() == "errors"
    request = wire.send(pipeline, value, headers=[*headers, ("camera", b"7")])
    answer = wire.answer(request)
    assert (answer.status, answer.failure().error) == ("error", error)
    letter, its_bytes = wire.deadletter(request)
    assert its_bytes == value
    assert (letter["error"], letter["camera"], letter["frame"]) == (error, "7", answer.frame)
    assert letter["message"] == answer.failure().message
    assert len(wire.results[request]) == len(wire.deadletters[request]) == 1


def test_a_truncated_image_is_refused_and_the_next_one_is_answered(
    pipeline: Pipeline, wire: Wire, detector: ModelVersion
) -> None:
    pipeline.add_model_step(detector).deploy()
    bad, good = wire.send(pipeline.name(), JPEG[: len(JPEG) // 2]), wire.send(pipeline.name(), JPEG)
    assert wire.answer(bad).failure().error == "NotAnImage"
    assert wire.answer(good).status == "ok"
    with pytest.raises(InferenceError, match=r"NotAnImage: .* the JPEG is cut off"):
        pipeline.infer_image(JPEG[:1000])


def test_infer_raises_the_reason_at_once(pipeline: Pipeline, mischief: ModelVersion) -> None:
    pipeline.add_model_step(mischief).deploy()
    started_s = time.monotonic()
    with pytest.raises(InferenceError, match=r"StepFailed: .*ValueError: the first value is 1") as raised:
        pipeline.infer(pd.DataFrame({"tensor": [[1.0, 0.0]]}), timeout=15)
    assert time.monotonic() - started_s < 10
    assert raised.value.stage == "infer"
    assert "line " in raised.value.message


@pytest.mark.parametrize("key", [1.5, -0.1, float("nan")])
def test_a_hash_key_out_of_range_is_an_error_and_no_guess(pipeline: Pipeline, scale: Scale, key: float) -> None:
    pipeline.add_random_split([(1, scale("double", 2.0))], hash_key="camera").deploy()
    frame = pa.table({"tensor": [[1.0, 2.0]], "camera": [key]})
    with pytest.raises(InferenceError, match="HashKeyOutOfRange"):
        pipeline.infer(frame)


def test_a_pipeline_that_is_not_deployed_says_so(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    pipeline.add_model_step(scale("double", 2.0))
    with pytest.raises(RuntimeError, match=r"not deployed"):
        pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0]]}))
    answer = wire.answer(wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]'))
    assert answer.failure().error == "NotDeployed"
    assert (answer.pipeline, answer.pipeline_version, answer.parts) == (f"default/{pipeline.name()}", None, 0)


def test_an_expired_frame_is_answered_as_expired_and_has_no_dead_letter(double: Pipeline, wire: Wire) -> None:
    request = wire.send(double.name(), b'[{"tensor": [1, 2]}]', headers=[("deadline", b"1000")])
    assert wire.answer(request).status == "expired"
    assert request not in wire.deadletters


def test_a_frame_that_is_older_than_its_pipeline_allows_is_answered_as_expired(
    pipeline: Pipeline, scale: Scale, stack: LocalStack, wire: Wire
) -> None:
    pipeline.add_model_step(scale("double", 2.0)).set_frame_age_ms_max(60_000).deploy()
    fresh = wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]')
    assert wire.answer(fresh).status == "ok"
    old = f"old-{pipeline.name()}"
    producer = Producer({"bootstrap.servers": stack.kafka})
    headers: list[tuple[str, str | bytes | None]] = [("pipeline", pipeline.name()), ("request-id", old)]
    before = now_ms() - 61_000
    producer.produce(f"{stack.namespace}.frames", b'[{"tensor": [1, 2]}]', headers=headers, timestamp=before)
    producer.flush(10)
    assert wire.answer(old).failure().error == "Expired"
    pipeline.set_frame_age_ms_max(None).deploy()
    assert pipeline.frame_age_ms_max is None


def test_a_frame_of_sixteen_mebibytes_is_answered_and_one_above_is_said_before_sending(
    double: Pipeline, wire: Wire
) -> None:
    large = pa.table({"tensor": [[1.0, 2.0]], "ballast": ["x" * (FRAME_BYTES_MAX - 1000)]})
    value = encode_table(large)
    assert FRAME_BYTES_MAX - 1000 < len(value) <= FRAME_BYTES_MAX
    assert wire.answer(wire.send(double.name(), value)).status == "ok"
    with pytest.raises(FrameTooLarge, match=str(FRAME_BYTES_MAX)):
        double.infer(pa.table({"tensor": pa.array([[0.0] * (FRAME_BYTES_MAX // 4 + 1)])}))


def test_headers_of_megabytes_are_answered_and_stop_nobody(double: Pipeline, wire: Wire) -> None:
    huge = b"x" * (FRAME_BYTES_MAX - 1000)
    ids = [wire.send(None, b"[]", headers=[("pipeline", huge)]), wire.send(double.name(), b"[]", headers=[("a", huge)])]
    assert [wire.answer(one).failure().error for one in ids] == ["BadHeader", "BadJson"]
    assert wire.deadletter(ids[0])[0]["pipeline"].encode() == huge


def test_a_value_above_the_frames_limit_that_the_topic_still_takes_is_refused(double: Pipeline, wire: Wire) -> None:
    value = b'[{"tensor": [1, 2]}]' + b" " * FRAME_BYTES_MAX
    assert wire.answer(wire.send(double.name(), value)).failure().error == "FrameTooLarge"
