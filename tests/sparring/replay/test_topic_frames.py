"""Frames as their dead letters hold them: the same requests as on their topic."""

from dataclasses import replace
from types import SimpleNamespace

from schemas.errors import Refused
from schemas.frames import Frame, Origin
from schemas.results import dead_letter
from sparring.operations.deadletters import DeadLetter
from sparring.replay.topic_frames import refused_frame

TOPIC_ID = "topic-id"


def letter(frame: Frame) -> DeadLetter:
    key, value, headers = dead_letter(frame, Refused("BadJson", "why", "decode"), 1)
    record = SimpleNamespace(
        topic="deadletters",
        partition=3,
        offset=4,
        timestamp=9_000,
        key=key,
        value=value,
        headers=[*headers, ("slip", b"{}")],
    )
    found = DeadLetter.from_record(record, TOPIC_ID)
    assert found is not None
    return found


def test_a_refused_frame_is_the_request_that_it_was_whether_its_producer_named_it_or_not() -> None:
    nameless = Frame(b"k", b"v", (("shop", b"7"),), Origin("sparring.frames", 0, 7), 1_000, TOPIC_ID)
    named = replace(nameless, headers=(*nameless.headers, ("request-id", b"r7")))
    badly = replace(nameless, headers=(*nameless.headers, ("request-id", b"no id")))
    for frame, request_id in ((nameless, "topic-id.0.7"), (named, "r7"), (badly, "topic-id.0.7")):
        found = refused_frame(letter(frame), TOPIC_ID)
        assert found == replace(frame, produced_at=9_000), "but for its time, which no letter says"
        assert found.request_id == frame.request_id == request_id
