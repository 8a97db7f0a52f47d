"""JSON from strangers: what is read, and what a text that is none most likely was meant to be.

Text is UTF-8. Its byte order mark, which .NET and PowerShell write, is read over.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_FIRST_BYTES: Final = 16
_RECORDS: Final = msgspec.json.Decoder(list[dict[str, Any]])
_EXAMPLE: Final = '[{"tensor": [1.0, 2.0]}]'
_SPACE: Final = b" \t\r\n"
_UTF_16_OR_32: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_LINES: Final = re.compile(rb"\}\s*\n\s*\{")
_KEY: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)', re.DOTALL)
"""A text, and the colon that makes it a key."""
_AT: Final = re.compile(r"\(byte (\d+)\)")
_WORD_BYTES_MAX: Final = 4
"""So far behind a wrong word's beginning is the place that the decoder names, at most."""

_NO_JSON: Final = (
    (
        re.compile(rb"(?<![\w\"])-?(nan|inf|infinity)(?!\w)", re.IGNORECASE),
        "NaN and Infinity are no JSON: send Arrow, which has them",
    ),
    (
        re.compile(rb"(?<![\w\"])(True|False|None)(?!\w)"),
        "Python's True, False, None: json.dumps writes true, false, null",
    ),
    (re.compile(rb"'"), "JSON has no single quotes: json.dumps writes double ones"),
)


def decode_json(decoder: msgspec.json.Decoder[T], value: bytes) -> T:
    """The decoded value; ValueError where it is no such JSON, no UTF-8, or nested too deep."""
    try:
        return decoder.decode(value)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    except UnicodeDecodeError as error:
        # Its own text would be that of a text alone, as if the whole value were one.
        raise ValueError(f"text that is no UTF-8: {error.reason}") from None


def decode_records(value: bytes) -> list[dict[str, Any]]:
    """The objects of a JSON list, as pandas' `to_json(orient="records")` writes them. ValueError that says what came
    and what to send instead."""
    if _is_utf_16_or_32(value):
        raise ValueError("the text is UTF-16 or UTF-32, by its byte order mark or its zero bytes; expected UTF-8")
    value = without_mark(value)
    try:
        records = decode_json(_RECORDS, value)
        _check_keys(records, value)
        return records
    except msgspec.ValidationError as error:
        raise ValueError(_other_shape(value, error)) from None
    except ValueError as error:
        raise ValueError(f"{error}{_what_it_is(value, str(error))}") from None


def _check_keys(records: list[dict[str, Any]], value: bytes) -> None:
    """ValueError where a field stands twice in an object: the decoder keeps the last one's value alone."""
    count = sum(map(len, records))
    if value.count(b":") == count or _KEY.findall(value).count(b":") == count:
        return
    try:
        json.loads(value, object_pairs_hook=_checked_keys)  # there are objects in cells, or a key twice
    except RecursionError as error:
        raise ValueError(str(error)) from None


def _checked_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, whose keys must differ."""
    counts = Counter(name for name, _ in pairs)
    if len(counts) < len(pairs):
        raise ValueError(f"the field {max(counts, key=counts.__getitem__)!r} stands twice in an object; expected once")
    return dict(pairs)


def check_fields(records: Sequence[Mapping[str, Any]]) -> None:
    """ValueError where a record has other fields than the first."""
    names = records[0].keys() if records else {}.keys()
    for row, record in enumerate(records):
        if record.keys() != names:
            raise ValueError(
                f"record {row} has the fields {sorted(record)}; expected those of record 0: {sorted(names)}"
            )


def looks_like_json(value: bytes) -> bool:
    """Whether the first bytes are those of a JSON list or object, whatever its encoding."""
    if _is_utf_16_or_32(value):
        return value[:_FIRST_BYTES].translate(None, b"\0\xff\xfe" + _SPACE)[:1] in (b"[", b"{")
    return without_mark(value).lstrip(_SPACE)[:1] in (b"[", b"{")


def without_mark(value: bytes) -> bytes:
    """The text behind a byte order mark of UTF-8."""
    return value.removeprefix(codecs.BOM_UTF8)


def _is_utf_16_or_32(value: bytes) -> bool:
    """By its mark, or by the zeros beside its first character, which no JSON in UTF-8 begins with."""
    return value.startswith(_UTF_16_OR_32) or b"\0" in value[:2]


def _other_shape(value: bytes, error: msgspec.ValidationError) -> str:
    """JSON, but no list of objects, or a number that nothing holds."""
    said = " ".join(str(error).replace("`", "").split())
    if "Expected" not in said:
        return said
    came = f"a value of type {said.partition('got ')[2]} came"
    if "$[" in said:
        came = f"a list came whose rows are of type {said.partition('got ')[2].partition(' ')[0]}"
    elif value.lstrip(_SPACE)[:1] == b"{":
        came = "objects came without a list around them" if _LINES.search(value) else "one object came"
    return f'{came}; expected a list of records, such as {_EXAMPLE}: pandas writes it by to_json(orient="records")'


def _what_it_is(value: bytes, said: str) -> str:
    """The kind of text at which the decoder stopped; empty where it is unknown."""
    place = _AT.search(said)
    if place is None:
        return ""
    beginnings = range(max(0, int(place[1]) - _WORD_BYTES_MAX), int(place[1]) + 1)
    found = (hint for pattern, hint in _NO_JSON if any(pattern.match(value, begin) for begin in beginnings))
    return next((f": {hint}" for hint in found), "")
