"""What a frame's headers say, and what is refused with a reason."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatchBuilder

from schemas.errors import Refused
from schemas.frames import ALIASES, CONTENT_TYPES, SAYING_NOTHING, Origin, RawHeaders, content_type
from schemas.limits import FRAME_BYTES_MAX, HEADERS_BYTES_MAX
from tests.nouns import frame


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\xff\xff\xff\xff\x10\x00", "application/vnd.apache.arrow.stream"),
        (b"ARROW1\x00\x00", "application/vnd.apache.arrow.stream"),
        (b'[{"tensor": [1]}]', "application/json"),
        (b' \n[{"tensor": [1]}]', "application/json"),
    ],
)
def test_the_content_type_is_guessed_from_the_first_bytes(beginning: bytes, expected: str) -> None:
    assert content_type(None, beginning) == expected


def test_a_given_content_type_wins() -> None:
    assert content_type("Image/PNG; charset=x", b"\xff\xd8\xff") == "image/png"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("image/jpg", "image/jpeg"),
        (" IMAGE/PJPEG ; q=1", "image/jpeg"),
        ("image/x-png", "image/png"),
        ("text/json; charset=utf-8", "application/json"),
        ("application/vnd.apache.arrow.file", "application/vnd.apache.arrow.stream"),
    ],
)
def test_an_alias_stands_for_its_type(given: str, expected: str) -> None:
    assert content_type(given, b"") == expected


def test_an_alias_is_no_type_of_its_own() -> None:
    assert not set(ALIASES) & {*CONTENT_TYPES, *SAYING_NOTHING}
    assert set(ALIASES.values()) <= set(CONTENT_TYPES)


@pytest.mark.parametrize(
    "given", [*sorted(SAYING_NOTHING), " ", "\t", "; charset=utf-8", "Application/Octet-Stream;x=y"]
)
def test_a_type_that_says_nothing_is_as_if_it_were_absent(given: str) -> None:
    assert content_type(given, b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert frame(headers=[("content-type", given.encode())]).declared_type is None
    with pytest.raises(Refused, match="not known by its first bytes"):
        content_type(given, b"hello")


@pytest.mark.parametrize(
    ("given", "value"),
    [
        *((named, b"\xff\xd8\xff") for named in ("text/plain", "image/gif", "image/*", "application/x-ndjson", "jpeg")),
        (None, b"hello"),
        (None, b""),
    ],
)
def test_an_unknown_content_type_is_refused_with_what_is_accepted(given: str | None, value: bytes) -> None:
    with pytest.raises(Refused, match="expected") as refused:
        content_type(given, value)
    assert refused.value.error == "UnknownContentType"


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([("pipeline", b"\xff\xfe")], "BadHeader"),
        ([("pipeline", b"no such name")], "BadHeader"),
        ([("pipeline", None)], "MissingHeader"),
    ],
)
def test_a_wrong_pipeline_header_is_refused(headers: RawHeaders, error: str) -> None:
    request = frame(headers=headers)
    with pytest.raises(Refused) as refused:
        str(request.pipeline)
    assert refused.value.error == error


def test_the_last_header_of_a_name_counts() -> None:
    assert frame(headers=[("pipeline", b"lab/shop")]).pipeline.workspace == "lab"


@pytest.mark.parametrize("text", [b"soon", b"-1", b"1.5", b"\xff"])
def test_a_deadline_that_is_no_time_is_refused(text: bytes) -> None:
    with pytest.raises(Refused, match="deadline"):
        assert frame(headers=[("deadline", text)]).deadline


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        (b"1764000005", "seconds"),
        (b"1764000005000000", "microseconds"),
        (b"1764000005000000000", "nanoseconds"),
    ],
)
def test_a_deadline_of_today_in_another_unit_is_refused_by_that_unit(text: bytes, unit: str) -> None:
    with pytest.raises(Refused, match=f"'{text.decode()}' looks like {unit}; expected Unix milliseconds, such as 1764"):
        assert frame(headers=[("deadline", text)]).deadline


@pytest.mark.parametrize("ms", [0, 1000, 1_764_000_005_000, 99_999_999_999_999, 2**53 - 1])
def test_a_deadline_in_milliseconds_is_taken_however_far_away(ms: int) -> None:
    assert frame(headers=[("deadline", str(ms).encode())]).deadline == ms


def test_a_frame_above_the_limit_is_refused_with_both_numbers() -> None:
    frame(value=bytes(FRAME_BYTES_MAX)).check_size()
    with pytest.raises(Refused, match=f"value has {FRAME_BYTES_MAX + 1} bytes; expected at most {FRAME_BYTES_MAX}"):
        frame(value=bytes(FRAME_BYTES_MAX + 1)).check_size()


@given(
    st.none() | st.binary(max_size=100),
    st.sampled_from([0, 1, 63, 64, 8191, 8192, 2**20 - 1, 2**20]),
    st.lists(st.tuples(st.text(max_size=70), st.none() | st.binary(max_size=70)), max_size=5),
)
def test_a_frames_size_is_that_of_its_record(
    key: bytes | None, value_bytes: int, headers: list[tuple[str, bytes | None]]
) -> None:
    request = replace(frame(), key=key, value=bytes(value_bytes), headers=(*headers, ("x", bytes(value_bytes))))
    around = 25  # lengths of the record, its key and its value, its place and time
    written = DefaultRecordBatchBuilder.size_of(key, request.value, list(request.headers))
    assert request.size <= written <= request.size + around


def test_what_a_frame_has_beside_its_value_is_limited_too() -> None:
    frame(value=bytes(FRAME_BYTES_MAX), headers=[("x", bytes(HEADERS_BYTES_MAX - 100))]).check_size()
    with pytest.raises(Refused, match="key, value and headers have"):
        frame(value=bytes(FRAME_BYTES_MAX), headers=[("x", bytes(HEADERS_BYTES_MAX))]).check_size()


def test_a_request_id_that_is_not_text_is_replaced_by_the_frames_place() -> None:
    assert frame(headers=[("request-id", b"\xff")]).request_id == "TOPIC.2.7"


def test_an_origin_is_written_in_one_line() -> None:
    origin = Origin("lab.frames", 3, 12)
    assert Origin.parse(str(origin)) == origin


def test_the_tutorials_own_arrow_file_is_taken_for_arrow(shared: Path) -> None:
    value = (shared / "cases/image_preprocess/dairy_bottles_test_table.arrow").read_bytes()
    assert content_type(None, value) == "application/vnd.apache.arrow.stream"


@pytest.mark.parametrize("name", ["pipeline", "content-type", "deadline", "reference-sha256"])
def test_a_long_header_is_cut_in_its_error_and_what_was_expected_is_not(name: str) -> None:
    long = frame(value=b"", headers=[("reference", b"file:///x"), (name, b"x" * 5000)])
    with pytest.raises(Refused, match=r"characters\).*; expected ") as refused:
        _ = (long.pipeline if name == "pipeline" else None, long.deadline, long.reference, long.declared_type)
    assert len(refused.value.message) < 600
