"""docs/asyncapi.yaml says what schemas/ says: nothing is missing, nothing is left over."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest

from schemas.errors import RefusalCode, Refused, Stage
from schemas.frames import CONTENT_TYPES, Frame, is_request_id
from schemas.limits import (
    FRAME_BYTES_MAX,
    FRAME_RECORD_BYTES_MAX,
    IMAGE_PIXELS_MAX,
    KEY_BYTES_MAX,
    MIB,
    REFERENCE_BYTES_MAX,
    REFERENCE_CHARS_MAX,
)
from schemas.names import ModelKey
from schemas.results import Answer, Status, dead_letter
from schemas.tasks import SLIP, Role
from schemas.topics import Topic, TopicNames, fixed_topics, work_topic
from tests.contracts.asyncapi import DOCUMENT, SCHEMAS, messages, record_schemas, resolved, shape
from tests.nouns import frame

NAMES = TopicNames("{namespace}")
MODEL = ModelKey("{workspace}", "{model}", "{version}")
TOPICS = (
    *fixed_topics("{namespace}"),
    work_topic("{namespace}", MODEL, "official"),
    work_topic("{namespace}", MODEL, "shadow"),
)
LEAST = Answer(
    key=b"",
    value=b"",
    request_id="r",
    status="error",
    pipeline="p",
    frame="f/0/0",
    frame_digest="d",
    published_at=0,
)
ROUTED = {"pipeline-version": "v", "role": "chosen", "model": "m", "model-version": "v", "model-sha256": "s"}
FRAME, ANSWER = (SCHEMAS[name]["properties"] for name in ("FrameHeaders", "AnswerHeaders"))


def word(topic: str) -> str:
    """A topic's name without namespace and model."""
    return topic.split(".")[1]


def test_every_topic_is_a_channel_and_every_channel_a_topic() -> None:
    assert {word(topic.name): topic.name for topic in TOPICS} == {
        name: channel["address"] for name, channel in DOCUMENT["channels"].items()
    }


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: word(topic.name))
def test_a_channels_settings_are_its_topics(topic: Topic) -> None:
    kafka = DOCUMENT["channels"][word(topic.name)]["bindings"]["kafka"]
    assert kafka["partitions"] == topic.partitions
    written = {name: ",".join(v) if isinstance(v, list) else str(v) for name, v in kafka["topicConfiguration"].items()}
    assert written == topic.config()


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: word(topic.name))
def test_a_channel_has_the_parameters_of_its_address(topic: Topic) -> None:
    assert list(DOCUMENT["channels"][word(topic.name)]["parameters"]) == re.findall(r"{(\w+)}", topic.name)


def test_the_consumer_groups_are_those_that_the_services_join() -> None:
    groups = {
        name: operation["bindings"]["kafka"]["groupId"]["enum"]
        for name, operation in DOCUMENT["operations"].items()
        if "bindings" in operation
    }
    assert groups == {
        "routeFrames": [NAMES.router_group()],
        "runWork": [NAMES.work(MODEL, "official")],
        "runShadowWork": [NAMES.work(MODEL, "shadow")],
        "indexAnswers": [NAMES.indexer_group()],
        "indexShadows": [NAMES.indexer_group()],
    }


def test_every_channel_but_frames_is_written_and_every_one_but_dead_letters_is_read() -> None:
    acts = {(one["action"], one["channel"]["$ref"].rpartition("/")[2]) for one in DOCUMENT["operations"].values()}
    assert {name for action, name in acts if action == "send"} == DOCUMENT["channels"].keys() - {"frames"}
    assert {name for action, name in acts if action == "receive"} == DOCUMENT["channels"].keys() - {"deadletters"}


def test_the_headers_of_a_frame_are_those_that_the_code_asks_for() -> None:
    asked = set()

    class Curious(Frame):
        def header(self, name: str) -> str | None:
            asked.add(name)
            return super().header(name)

    plain = frame("r")
    curious = Curious(plain.key, plain.value, plain.headers, plain.origin, plain.produced_at, plain.topic_id)
    for name, member in vars(Frame).items():
        if isinstance(member, property):
            getattr(curious, name)
    assert FRAME.keys() == asked
    with pytest.raises(Refused, match="'pipeline' is missing"):
        _ = frame(headers=[("pipeline", None)]).pipeline
    assert SCHEMAS["FrameHeaders"]["required"] == ["pipeline"]


@pytest.mark.parametrize("text", ["", "a", "A.b_c:d-9", "a" * 128, "a" * 129, "ä", "a b", "a/b"])
def test_the_pattern_of_a_request_id_is_the_codes(text: str) -> None:
    assert bool(re.search(FRAME["request-id"]["pattern"], text)) == is_request_id(text)
    assert ANSWER["request-id"]["pattern"] == FRAME["request-id"]["pattern"]


@pytest.mark.parametrize("text", ["shelf", "lab/shelf", "", "/shelf", "lab/", "a/b/c", "9", "a_b", "a" * 63, "a" * 64])
def test_the_pattern_of_a_pipeline_is_the_codes(text: str) -> None:
    taken = True
    try:
        _ = frame(headers=[("pipeline", text.encode())]).pipeline
    except Refused:
        taken = False
    assert bool(re.search(FRAME["pipeline"]["pattern"], text)) == taken


@pytest.mark.parametrize("text", ["0", "1764000000000", "9" * 16, "9" * 17, "", "-1", "soon", "1.5"])
def test_the_pattern_of_a_deadline_is_the_codes(text: str) -> None:
    taken = True
    try:
        _ = frame(headers=[("deadline", text.encode())]).deadline
    except Refused:
        taken = False
    assert bool(re.search(FRAME["deadline"]["pattern"], text)) == taken


def test_the_headers_of_an_answer_are_those_that_it_writes() -> None:
    always = LEAST.text_headers().keys()
    routed = Answer.from_text(b"", b"", LEAST.text_headers() | ROUTED)
    assert SCHEMAS["AnswerHeaders"]["required"] == list(always)
    assert SCHEMAS["RoutedHeaders"]["required"] == list(ROUTED)
    assert routed.text_headers().keys() == always | ROUTED.keys()
    assert ANSWER.keys() == always | ROUTED.keys() | {"traceparent"}


def test_a_task_and_a_dead_letter_add_these_headers() -> None:
    assert list(SCHEMAS["TaskHeaders"]["properties"]) == SCHEMAS["TaskHeaders"]["required"] == [SLIP]
    bare, refusal = frame(), Refused("NotAnImage", "", "decode")
    _key, _value, headers = dead_letter(bare, refusal, 1)
    added = [name for name, _ in headers][len(bare.headers) :]
    assert SCHEMAS["DeadLetterHeaders"]["required"] == added
    _key, _value, headers = dead_letter(frame(value=bytes(FRAME_RECORD_BYTES_MAX)), refusal, 1)
    assert ["pipeline", "request-id", *SCHEMAS["DeadLetterHeaders"]["properties"]] == [name for name, _ in headers]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (SCHEMAS["Refusal"], get_args(RefusalCode)),
        (SCHEMAS["Stage"], get_args(Stage)),
        (ANSWER["status"], get_args(Status)),
        (ANSWER["role"], get_args(Role)),
        (FRAME["content-type"], CONTENT_TYPES),
    ],
    ids=["errors", "stages", "statuses", "roles", "content-types"],
)
def test_the_closed_sets_are_the_codes(schema: Mapping[str, Any], words: tuple[str, ...]) -> None:
    assert schema["enum"] == list(words)


def test_the_limits_are_the_codes() -> None:
    assert SCHEMAS["FrameKey"]["maxLength"] == KEY_BYTES_MAX
    frames = {name: message["summary"] for name, message in messages("frames").items()}
    elsewhere = frames.pop("reference")
    assert all(f"at most {FRAME_BYTES_MAX // MIB} MiB" in summary for summary in frames.values())
    assert f"at most {REFERENCE_BYTES_MAX // MIB} MiB" in elsewhere
    assert f"{IMAGE_PIXELS_MAX:,} pixels" in frames["image"]
    assert FRAME["reference"]["maxLength"] == REFERENCE_CHARS_MAX


@pytest.mark.parametrize("text", ["", "a" * 64, "A9" * 32, "g" * 64, "a" * 63, "a" * 65])
def test_the_pattern_of_a_references_sha256_is_the_codes(text: str) -> None:
    taken = True
    try:
        _ = frame(value=b"", headers=[("reference", b"file:///f"), ("reference-sha256", text.encode())]).reference
    except Refused:
        taken = False
    assert bool(re.search(FRAME["reference-sha256"]["pattern"], text)) == taken


@pytest.mark.parametrize("name", record_schemas())
def test_a_json_record_is_described_as_it_is_written_and_read(name: str) -> None:
    right = record_schemas()[name]
    assert shape(SCHEMAS[name]) == right, f"components.schemas.{name} must be {json.dumps(right)}"


def test_every_schema_is_used_and_every_reference_leads_somewhere() -> None:
    named = {reference for reference in references(DOCUMENT) if resolved({"$ref": reference}) is not None}
    of_embedded_json = {"Slip", "SplitChoice"}
    assert {f"#/components/schemas/{name}" for name in SCHEMAS.keys() - of_embedded_json} <= named
    assert {f"#/components/messages/{name}" for name in DOCUMENT["components"]["messages"]} <= named


def references(part: object) -> Iterator[str]:
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for inside in part.values():
                yield from references(inside)
        case list():
            for inside in part:
                yield from references(inside)
        case _:
            pass
