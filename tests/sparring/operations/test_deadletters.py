"""What a dead letter is, and which are sent again. Pure."""

import tracemalloc
from dataclasses import dataclass, replace

import pytest

from schemas.errors import Refused
from schemas.frames import Frame, RawHeaders
from schemas.limits import MIB
from schemas.names import PipelineName
from schemas.results import dead_letter
from sparring.operations.deadletters import REPLAY_OF, DeadLetter, once_each, resent_id
from tests.nouns import frame


def letter(place: int, frame: int, request_id: str, replay_of: str | None = None) -> DeadLetter:
    headers: list[tuple[str, bytes | None]] = [] if replay_of is None else [(REPLAY_OF, replay_of.encode())]
    return DeadLetter(
        place=f"deadletters/0/{place}",
        at=place,
        request_id=request_id,
        pipeline="shop",
        error="StepFailed",
        message="",
        stage="infer",
        attempts="1",
        frame=f"frames/0/{frame}",
        key=None,
        value=b"",
        headers=headers,
    )


def test_a_frame_with_two_letters_is_sent_once() -> None:
    assert once_each([letter(0, 7, "a"), letter(1, 7, "a"), letter(2, 8, "b")]) == {
        "deadletters/0/1",
        "deadletters/0/2",
    }


def test_of_a_frame_that_was_sent_again_and_refused_again_only_the_newest_letter_counts() -> None:
    chain = [letter(0, 7, "a"), letter(1, 8, "b", replay_of="a"), letter(2, 9, "c", replay_of="b")]
    assert once_each(chain) == {"deadletters/0/2"}


def test_of_letters_that_are_looked_through_no_bytes_are_kept() -> None:
    tracemalloc.start()
    try:
        assert len(once_each(replace(letter(n, n, f"r{n}"), value=bytes(MIB)) for n in range(40))) == 40
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * MIB


def test_a_frame_without_a_request_id_has_that_of_its_answer() -> None:
    assert of_record(frame()).request_id == frame().request_id == "TOPIC.2.7"
    assert of_record(frame(headers=[("request-id", b"not one!")])).request_id == "TOPIC.2.7"
    assert of_record(frame("r1")).request_id == "r1"


def test_a_record_that_names_no_frame_is_no_dead_letter() -> None:
    headers = [(name, b"anywhere" if name == "frame" else value) for name, value in letter_headers(frame())]
    assert DeadLetter.from_record(Record(headers), "TOPIC") is None


@pytest.mark.parametrize("named", ["TOPIC.0.7", "frames/0/7"])
def test_a_frame_without_a_request_id_that_was_refused_again_is_sent_once(named: str) -> None:
    assert once_each([letter(0, 7, "TOPIC.0.7"), letter(1, 8, "b", replay_of=named)]) == {"deadletters/0/1"}


def test_the_same_letter_is_sent_again_as_the_same_request_and_another_one_is_not() -> None:
    first = letter(0, 7, "a")
    shop = PipelineName("default", "shop-fixed")
    assert resent_id(first) == resent_id(letter(3, 7, "a")) == resent_id(first, PipelineName("default", "shop"))
    assert (
        len({resent_id(first), resent_id(first, shop), resent_id(letter(0, 8, "a")), resent_id(letter(0, 7, "b"))}) == 4
    )


@dataclass(frozen=True)
class Record:
    """As kafka-python gives one."""

    headers: RawHeaders
    topic: str = "deadletters"
    partition: int = 0
    offset: int = 3
    timestamp: int = 5
    key: bytes | None = None
    value: bytes | None = b"bytes"


def letter_headers(refused: Frame) -> RawHeaders:
    _, _, headers = dead_letter(refused, Refused("StepFailed", "why", "infer"), 1)
    return headers


def of_record(refused: Frame) -> DeadLetter:
    found = DeadLetter.from_record(Record(letter_headers(refused)), "TOPIC")
    assert found is not None
    return found
