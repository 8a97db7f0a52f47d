"""JSON from strangers: what is read, and how a refusal says what to send instead."""

import codecs
import json

import pytest

from schemas.errors import Refused
from schemas.frames import content_type
from schemas.json_text import decode_records
from schemas.tables.read import first_cell, read_records

RECORDS = b'[{"x": [1.0, 2.0]}]'
LIST = r'expected a list of records, such as \[\{"tensor": \[1\.0, 2\.0\]\}\].*to_json\(orient="records"\)'


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b'[{"x": [NaN, 1.0]}]', r"byte 8\): NaN and Infinity are no JSON: send Arrow"),
        (b'[{"x": NaN}]', "NaN and Infinity are no JSON: send Arrow"),
        (b'[{"x": [1.0, Infinity]}]', "NaN and Infinity are no JSON: send Arrow"),
        (b'[{"x": [-Infinity]}]', "NaN and Infinity are no JSON: send Arrow"),
        (b'[{"x": nan}]', "NaN and Infinity are no JSON: send Arrow"),
        (b'[{"x": True}]', "json.dumps writes true, false, null"),
        (b'[{"x": None}]', "json.dumps writes true, false, null"),
        (b"[{'x': 1}]", "JSON has no single quotes: json.dumps writes double ones"),
        (b"[{\"x\": 'a'}]", "JSON has no single quotes: json.dumps writes double ones"),
        (b'{"x": [1.0, 2.0]}', f"one object came; {LIST}"),
        (b'{"x": {"0": 1.0, "1": 2.0}}', f"one object came; {LIST}"),
        (b'{"x": 1}\n{"x": 2}\n', f"objects came without a list around them; {LIST}"),
        (b"[[1.0, 2.0]]", f"a list came whose rows are of type array; {LIST}"),
        (b"3", f"a value of type int came; {LIST}"),
        (
            RECORDS.decode().encode("utf-16"),
            "UTF-16 or UTF-32, by its byte order mark or its zero bytes; expected UTF-8",
        ),
        (
            RECORDS.decode().encode("utf-16-le"),
            "UTF-16 or UTF-32, by its byte order mark or its zero bytes; expected UTF-8",
        ),
        (
            RECORDS.decode().encode("utf-32"),
            "UTF-16 or UTF-32, by its byte order mark or its zero bytes; expected UTF-8",
        ),
        (b'[{"x": "\xff"}]', "text that is no UTF-8"),
        (b'[{"x": 1e999}]', "Number out of range"),
    ],
)
def test_what_is_no_list_of_records_is_refused_with_what_to_send_instead(value: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode_records(value)
    with pytest.raises(Refused, match=f"the value is not a JSON list of records: .*{says}") as refused:
        read_records(value)
    assert refused.value.error == "BadJson"


def test_a_word_of_a_text_is_not_taken_for_a_number_that_json_has_not() -> None:
    for value in (b'[{"info": x}]', b'[{"x": information}]', b'[{"x": "nan", "y": oops}]'):
        with pytest.raises(ValueError, match=r"invalid character \(byte \d+\)$"):
            decode_records(value)


def test_a_byte_order_mark_is_read_over() -> None:
    marked = codecs.BOM_UTF8 + RECORDS
    assert content_type(None, marked) == "application/json"
    assert decode_records(marked) == decode_records(RECORDS)
    assert read_records(marked).equals(read_records(RECORDS))
    assert first_cell("application/json", codecs.BOM_UTF8 + b'[{"camera": "door"}]', "camera") == "door"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_in_another_encoding_is_taken_for_json_so_that_its_error_names_the_encoding(encoding: str) -> None:
    assert content_type(None, RECORDS.decode().encode(encoding)) == "application/json"


@pytest.mark.parametrize("value", [b"\xff\xfehello", b"\0\0\0\x18ftypmp42", codecs.BOM_UTF8 + b"hello"])
def test_other_text_and_other_bytes_are_not_taken_for_json(value: bytes) -> None:
    with pytest.raises(Refused, match="not known by its first bytes"):
        content_type(None, value)


@pytest.mark.parametrize(
    "value", [b'[{"x": 1, "x": 2}]', b'[{"x": 1}, {"\\u0078": 1, "x": 2}]', b'[{"y": {"x": 1, "x": 2}}]']
)
def test_a_field_that_stands_twice_in_a_record_is_refused_by_its_name(value: bytes) -> None:
    with pytest.raises(ValueError, match="the field 'x' stands twice in an object; expected once"):
        decode_records(value)


@pytest.mark.parametrize("text", ["a:b", 'a":b', "a\\", ":", "\n:"])
def test_a_colon_in_a_text_makes_no_field(text: str) -> None:
    records = [{"x": text, text: 1}, {"x": "y", text: 2}]
    assert decode_records(json.dumps(records, indent=1).encode()) == records
