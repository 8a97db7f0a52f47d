"""Frames as nobody should send them: each kind is a function of a random number generator. Pure.

`must_be_refused` where no reading of the contract could make an answer of it; of the others, a flipped bit may well
leave a picture that is still one.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final

import cv2
import numpy as np

from examples.shelf import render_shelf
from schemas.frames import RawHeaders
from schemas.limits import FRAME_BYTES_MAX, FRAME_RECORD_BYTES_MAX, HEADERS_BYTES_MAX, HEADERS_MAX, MIB
from tests.fuzz import bombs, tables

Bytes = Callable[[Random], bytes]


@dataclass(frozen=True)
class Fuzzed:
    """A frame and what it is. reader: `image` or `table`, the pipeline it goes to, unless its header says. packed: its
    record is compressed, and smaller so than topics take. Bytes of headers' names that are not UTF-8 are written as
    Python's surrogates."""

    kind: str
    reader: str
    value: bytes
    headers: RawHeaders
    key: bytes | None = None
    must_be_refused: bool = False
    packed: bool = False

    @property
    def names_are_text(self) -> bool:
        """Whether all names of headers are UTF-8."""
        return all(_is_text(name) for name, _ in self.headers)


def _is_text(name: str) -> bool:
    """Whether none of its signs is one of Python's surrogates for a single byte."""
    return not any("\udc80" <= sign <= "\udcff" for sign in name)


_SHELF: Final = np.frombuffer(render_shelf(seed=3).jpeg(), np.uint8)
_PICTURE: Any = cv2.resize(np.asarray(cv2.imdecode(_SHELF, cv2.IMREAD_COLOR)), (96, 64))
ENCODED: Final = {
    "image/jpeg": cv2.imencode(".jpg", _PICTURE)[1].tobytes(),
    "image/png": cv2.imencode(".png", _PICTURE)[1].tobytes(),
    "image/webp": cv2.imencode(".webp", _PICTURE)[1].tobytes(),
}
_PNG: Final = ENCODED["image/png"]
_TYPES: Final = (*ENCODED, "application/json", "application/vnd.apache.arrow.stream", "text/html", "", "image/gif")


def corpus(seed: int, count: int) -> Iterator[Fuzzed]:
    """`count` frames, the kinds in turn."""
    rng = Random(seed)
    kinds = [*_IMAGES.items(), *_TABLES.items(), *_HEADERS.items()]
    for number in range(count):
        name, make = kinds[number % len(kinds)]
        yield make(name, rng)


# --- pictures ------------------------------------------------------------------------------


def _truncated(rng: Random) -> bytes:
    encoded = rng.choice(list(ENCODED.values()))
    return encoded[: rng.randrange(1, len(encoded) - 2)]


def _jpeg_with_a_hole(rng: Random) -> bytes:
    """Its coded data end early, and its end marker is there."""
    encoded = ENCODED["image/jpeg"]
    begin = encoded.index(b"\xff\xda") + 14
    return encoded[: rng.randrange(begin, begin + (len(encoded) - begin) * 3 // 4)] + b"\xff\xd9"


def _several_pictures(rng: Random) -> bytes:
    return rng.choice(list(ENCODED.values())) * rng.randrange(2, 30)


def flipped(value: bytes, rng: Random) -> bytes:
    """`value` with one to sixteen of its bits turned over."""
    content = bytearray(value)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def _huge_png(rng: Random) -> bytes:
    """It claims 30,000 x 30,000 pixels, or what 31 bits can say."""
    side = rng.choice((30_000, 65_535, 2**31 - 1))
    return _PNG[:8] + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + _PNG[33:]


def _huge_jpeg(rng: Random) -> bytes:
    content = bytearray(ENCODED["image/jpeg"])
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, rng.randrange(30_000, 65_500))
    return bytes(content)


def _huge_webp(rng: Random) -> bytes:
    content = bytearray(ENCODED["image/webp"])
    at = content.index(b"\x9d\x01\x2a") if b"\x9d\x01\x2a" in content else 20
    content[at + 3 : at + 7] = struct.pack("<HH", 16_383, rng.randrange(16_000, 16_384))
    return bytes(content)


def _png_of_many_chunks(rng: Random) -> bytes:
    extra = b"".join(_chunk(b"tEXt", b"k\0" + rng.randbytes(8)) for _ in range(rng.randrange(1000, 20_000)))
    return _PNG[:33] + extra + _PNG[33:]


def _png_with_a_bomb(rng: Random) -> bytes:
    """A text, a colour profile or the pixels themselves unpack to 256 MiB."""
    bomb = _zeros(256)
    where = rng.choice((b"zTXt", b"iCCP", b"IDAT"))
    if where == b"IDAT":
        return _PNG[:33] + _chunk(b"IDAT", bomb) + _chunk(b"IEND", b"")
    return _PNG[:33] + _chunk(where, b"name\0\0" + bomb) + _PNG[33:]


@cache
def _zeros(mib: int) -> bytes:
    return zlib.compress(bytes(mib * 1024 * 1024), 9)


def _png_of_false_lengths(rng: Random) -> bytes:
    content = bytearray(_PNG)
    content[33:37] = struct.pack(">I", rng.choice((0, 2**31 - 1, 2**32 - 1, len(_PNG))))
    return bytes(content)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _image(make: Bytes, *, refused: bool) -> "Make":
    def made(kind: str, rng: Random) -> Fuzzed:
        value = make(rng)
        named = rng.random() < 0.5
        headers: RawHeaders = [("content-type", rng.choice(list(ENCODED)).encode())] if named else []
        return Fuzzed(kind, "image", value, headers, must_be_refused=refused)

    return made


def _of_another_type(kind: str, rng: Random) -> Fuzzed:
    """A good picture or table, called something else."""
    named = rng.choice(_TYPES)
    value = rng.choice([*ENCODED.values(), tables.good(rng), b'[{"tensor": [1, 2]}]'])
    return Fuzzed(kind, rng.choice(("image", "table")), value, [("content-type", named.encode())])


# --- tables --------------------------------------------------------------------------------


def _table(make: Bytes, *, refused: bool) -> "Make":
    def made(kind: str, rng: Random) -> Fuzzed:
        return Fuzzed(kind, "table", make(rng), [], must_be_refused=refused)

    return made


# --- headers -------------------------------------------------------------------------------

_ROW: Final = b'[{"tensor": [1, 2], "shop": "a"}]'
_NO_UTF8: Final = b"\xff\xfe\x00\xc3("


def _a_bad_header(kind: str, rng: Random) -> Fuzzed:
    """One of the contract's own headers with something in it that it does not say."""
    name = rng.choice(("pipeline", "request-id", "deadline", "traceparent", "content-type", "reference", "slip"))
    value = rng.choice(
        (
            b"",
            _NO_UTF8,
            b"x" * rng.choice((129, 40_000)),
            b"-1",
            b"1e999",
            b"../../etc/passwd",
            b"\0",
            b"default/",
            None,
        )
    )
    return Fuzzed(kind, "table", _ROW, [(name, value)])


def _a_header_of_a_megabyte(kind: str, rng: Random) -> Fuzzed:
    """Refused where the contract reads it; a camera's own is its own."""
    name = rng.choice(("pipeline", "request-id", "camera", "shop", "traceparent", "x" * 30_000))
    return Fuzzed(kind, "table", _ROW, [(name, rng.randbytes(1024 * 1024 - 256))])


def _many_headers(kind: str, rng: Random) -> Fuzzed:
    count = rng.randrange(1_000, 6_000)
    return Fuzzed(kind, "table", _ROW, [(f"h{number % 50}", b"v") for number in range(count)])


def _a_reference(kind: str, rng: Random) -> Fuzzed:
    where = rng.choice(
        (b"file:///etc/passwd", b"/etc/passwd", b"../secret", b"http://127.0.0.1:1/x", b"s3://bucket/x", _NO_UTF8, b"")
    )
    headers: RawHeaders = [("reference", where)]
    if rng.random() < 0.5:
        headers.append(("reference-sha256", rng.choice((b"0" * 64, b"", _NO_UTF8))))
    return Fuzzed(kind, rng.choice(("image", "table")), b"", headers, must_be_refused=True)


def _a_hash_key(kind: str, rng: Random) -> Fuzzed:
    """What decides the split: of the table's pipeline, the column `shop`."""
    said = rng.choice((b"17", b"-0.1", b"NaN", b"Infinity", b"null", b"[1]", b"{}", b"true", b"1e400", b'"\\ud800"'))
    return Fuzzed(kind, "table", b'[{"tensor": [1, 2], "shop": ' + said + b"}]", [])


def _a_key(kind: str, rng: Random) -> Fuzzed:
    return Fuzzed(kind, "table", _ROW, [], key=rng.randbytes(rng.choice((0, 1, 100, 30_000, 60_000))))


def _larger_than_its_record(kind: str, rng: Random) -> Fuzzed:
    """What Kafka takes compressed, and no topic behind takes as it is."""
    beyond = rng.choice((1, 1024, 4 * MIB))
    headers: RawHeaders = []
    key, value = None, _ROW
    match rng.randrange(4):
        case 0:
            value = bytes(FRAME_RECORD_BYTES_MAX + beyond)
        case 1:
            value = b" " * (FRAME_BYTES_MAX - len(_ROW)) + _ROW
            headers = [(f"h{number}", bytes(beyond // 4 + HEADERS_BYTES_MAX)) for number in range(4)]
        case 2:
            key = bytes(FRAME_BYTES_MAX + beyond)
        case _:
            headers = [("x" * 20_000, bytes(FRAME_RECORD_BYTES_MAX + beyond))]
    return Fuzzed(kind, "table", value, headers, key, must_be_refused=True, packed=True)


def _too_many_headers(kind: str, rng: Random) -> Fuzzed:
    count = HEADERS_MAX + rng.choice((1, 1_000, 100_000))
    return Fuzzed(kind, "table", _ROW, [("", b"")] * count, must_be_refused=True)


def _a_name_that_is_no_text(kind: str, rng: Random) -> Fuzzed:
    """A name ends at its first zero byte: what follows may be anything."""
    raw = rng.choice((b"x\xff\xfe", b"\x80", b"pipeline\xc3", b"camera\0\xff", rng.randbytes(30) + b"\xff"))
    name = raw.decode("utf-8", "surrogateescape")
    refused = not _is_text(name.partition("\0")[0])
    return Fuzzed(kind, "table", _ROW, [("camera", b"7"), (name, b"v")], b"key", must_be_refused=refused)


def _nothing_but_bytes(kind: str, rng: Random) -> Fuzzed:
    reader = rng.choice(("image", "table"))
    return Fuzzed(kind, reader, rng.randbytes(rng.randrange(1, 4000)), [], must_be_refused=True)


def _empty(kind: str, rng: Random) -> Fuzzed:
    return Fuzzed(kind, rng.choice(("image", "table")), b"", [], must_be_refused=True)


Make = Callable[[str, Random], Fuzzed]

_IMAGES: Final[dict[str, Make]] = {
    "picture cut off": _image(_truncated, refused=True),
    "picture with flipped bits": _image(lambda rng: flipped(rng.choice(list(ENCODED.values())), rng), refused=False),
    "JPEG with a hole": _image(_jpeg_with_a_hole, refused=True),
    "several pictures in one value": _image(_several_pictures, refused=True),
    "PNG of 30,000 x 30,000 pixels": _image(_huge_png, refused=True),
    "JPEG of 65,500 x 30,000 pixels": _image(_huge_jpeg, refused=True),
    "WebP of 16,383 x 16,383 pixels": _image(_huge_webp, refused=True),
    "PNG of twenty thousand chunks": _image(_png_of_many_chunks, refused=False),
    "PNG with a bomb": _image(_png_with_a_bomb, refused=False),
    "PNG of false lengths": _image(_png_of_false_lengths, refused=True),
    "another content type": _of_another_type,
}
_TABLES: Final[dict[str, Make]] = {
    "Arrow cut off": _table(tables.truncated, refused=True),
    "Arrow with flipped bits": _table(lambda rng: flipped(tables.good(rng), rng), refused=False),
    "Arrow of false lengths": _table(tables.of_false_lengths, refused=False),
    "Arrow bomb": _table(tables.bomb, refused=True),
    "Arrow of odd types": _table(tables.of_odd_types, refused=False),
    "Arrow of many rows": _table(tables.of_many_rows, refused=True),
    "JSON cut off": _table(tables.json_truncated, refused=True),
    "JSON with flipped bits": _table(lambda rng: flipped(tables.good_json(rng), rng), refused=False),
    "deep JSON": _table(tables.json_deep, refused=True),
    "odd JSON": _table(tables.json_odd, refused=False),
    "a hash key of gigabytes": _table(bombs.hash_key, refused=True),
    "an input of gigabytes": _table(bombs.model_input, refused=True),
    "Arrow compressed in the old way": _table(bombs.compressed_in_the_old_way, refused=True),
    "Arrow with a growing dictionary": _table(bombs.growing_dictionary, refused=True),
    "a table of many columns": _table(bombs.of_many_columns, refused=True),
    "JSON of one long text": _table(bombs.json_of_one_long_text, refused=False),
    "JSON of objects": _table(bombs.json_of_objects, refused=True),
    "JSON of empty lists": _table(bombs.json_of_lists, refused=True),
}
_HEADERS: Final[dict[str, Make]] = {
    "a bad header": _a_bad_header,
    "a header of a megabyte": _a_header_of_a_megabyte,
    "thousands of headers": _many_headers,
    "a bad reference": _a_reference,
    "a bad hash key": _a_hash_key,
    "a long key": _a_key,
    "larger than its record": _larger_than_its_record,
    "too many headers": _too_many_headers,
    "a header's name that is no text": _a_name_that_is_no_text,
    "nothing but bytes": _nothing_but_bytes,
    "nothing at all": _empty,
}
KINDS: Final = (*_IMAGES, *_TABLES, *_HEADERS)
