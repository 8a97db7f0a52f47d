"""An answer is its headers and its value; a dead letter is the frame and why."""

import hashlib

import pytest

from router.route import route
from schemas.errors import Refused
from schemas.frames import Frame
from schemas.limits import HEADERS_MAX, KIB, MIB
from schemas.pipelines import ModelStep, RandomSplit, WeightedModel
from schemas.results import (
    Answer,
    Failure,
    Timings,
    answer_before_routing,
    answer_of_slip,
    dead_letter,
    failure_value,
    left_out,
)
from tests.nouns import frame, pinned, pipeline_version

SPLIT = RandomSplit((WeightedModel(2, pinned("a")), WeightedModel(1, pinned("b"))))


def test_an_answer_survives_its_headers() -> None:
    request = frame("r1", headers=[("traceparent", b"00-aa-bb-01")])
    (task,) = route(request, pipeline_version(SPLIT, ModelStep(pinned("post"))))
    answer = answer_of_slip(request, task.slip, "ok", b"value", 5_000, Timings(1, 2, 3))
    assert Answer.from_record(answer.key, answer.value, answer.headers()) == answer
    assert answer.traceparent == "00-aa-bb-01"
    assert answer.official


def test_an_answer_names_who_made_it_and_from_what() -> None:
    request = frame("r1", value=b"\xff\xd8\xffpicture", key=b"camera-7")
    (task,) = route(request, pipeline_version(SPLIT))
    headers = answer_of_slip(request, task.slip, "ok", b"", 5_000, Timings()).text_headers()
    assert headers["model"] in ("a", "b")
    assert headers["model-sha256"] == f"sha-of-{headers['model']}-v1"
    assert headers["role"] == "chosen"
    assert headers["frame"] == "sparring.frames/2/7"
    assert headers["frame-digest"] == hashlib.sha256(request.value).hexdigest()
    assert headers["published-at"] == "5000"


def test_an_answers_key_keeps_a_cameras_order_and_else_spreads_by_request() -> None:
    version = pipeline_version(ModelStep(pinned("a")))
    for request, key in [(frame("r1", key=b"camera"), b"camera"), (frame("r1"), b"r1")]:
        (task,) = route(request, version)
        assert answer_of_slip(request, task.slip, "ok", b"", 0, Timings()).key == key


def test_before_routing_version_model_and_role_are_absent() -> None:
    answer = answer_before_routing(frame("r1", headers=[("pipeline", b"\xff")]), "error", b"{}", 1)
    headers = answer.text_headers()
    assert not {"pipeline-version", "role", "model", "model-version", "model-sha256"} & headers.keys()
    assert (headers["pipeline"], headers["parts"]) == ("", "0")
    assert Answer.from_record(answer.key, answer.value, answer.headers()) == answer


def test_what_a_stranger_sent_is_quoted_in_part_only() -> None:
    huge = b"x" * 10_000_000
    request = frame("r1", headers=[("pipeline", huge), ("traceparent", huge)])
    with pytest.raises(Refused) as refused:
        str(request.pipeline)
    answer = answer_before_routing(request, "error", failure_value("BadHeader", refused.value.message, "route"), 1)
    assert len(answer.value) + sum(len(text) for text in answer.text_headers().values()) < 4000


def test_a_failure_is_json_with_error_message_and_stage() -> None:
    value = failure_value("NotAnImage", "why", "decode")
    answer = answer_before_routing(frame("r1"), "error", value, 1)
    assert answer.failure() == Failure("NotAnImage", "why", "decode")


def test_a_dead_letter_keeps_the_frames_headers_and_says_why() -> None:
    request = frame("r1", headers=[("camera", b"7")])
    key, value, raw = dead_letter(request, Refused("NotAnImage", "wäre", "decode"), attempts=2)
    headers = dict(raw)
    assert (key, value, left_out(raw)) == (request.key, request.value, None)
    assert headers["camera"] == b"7"
    assert headers["error"] == b"NotAnImage"
    assert headers["message"] == "wäre".encode()
    assert (headers["stage"], headers["attempts"]) == (b"decode", b"2")
    assert headers["frame"] == b"sparring.frames/2/7"


@pytest.mark.parametrize(
    "request_",
    [
        frame("r1", value=bytes(20 * MIB), key=b"camera"),
        frame("r1", key=bytes(20 * MIB)),
        frame("r1", headers=[("x", bytes(20 * MIB))]),
        frame("r1", headers=[("x" * (20 * MIB), None)]),
        frame("r1", headers=[("x", b"")] * (HEADERS_MAX + 1)),
    ],
    ids=["value", "key", "header", "name of a header", "many headers"],
)
def test_what_no_topic_takes_uncompressed_is_refused_and_its_letter_says_what_it_was(request_: Frame) -> None:
    with pytest.raises(Refused, match="expected at most") as refused:
        request_.check_size()
    assert refused.value.error == "FrameTooLarge"
    key, value, headers = dead_letter(request_, refused.value, attempts=1)
    answer = answer_before_routing(request_, "error", failure_value("FrameTooLarge", "", "route"), 1)
    assert (value, left_out(headers)) == (b"", (len(request_.value), hashlib.sha256(request_.value).hexdigest()))
    assert dict(headers)["request-id"] == answer.request_id.encode()
    assert len(key or b"") + sum(len(text or b"") for _, text in headers) < KIB
    assert answer.key == (key or answer.request_id.encode())


def test_a_frames_own_headers_do_not_make_its_letter_one_without_bytes() -> None:
    request = frame("r1", headers=[("frame-bytes", b"7"), ("frame-digest", b"00")])
    _key, value, headers = dead_letter(request, Refused("NotAnImage", "", "decode"), attempts=1)
    assert (value, left_out(headers)) == (request.value, None)


@pytest.mark.parametrize(
    "change",
    [
        {"published-at": "9" * 400},
        {"published-at": "-1"},
        {"status": "maybe"},
        {"parts": "many"},
        {"role": "king"},
        {"split": "{"},
    ],
)
def test_headers_that_are_no_answer_are_a_value_error(change: dict[str, str]) -> None:
    headers = answer_before_routing(frame("r1"), "error", b"", 1).text_headers() | change
    with pytest.raises(ValueError, match="not an answer"):
        Answer.from_text(b"", b"", headers)
