"""What an encoded picture says of itself, before it is decoded: its size, whether it is whole, how it is laid out.

Read from the file's own markers: OpenCV decodes half a JPEG without a word, and a few bytes can claim a picture of a
gigabyte, or a scan of it ten thousand times over.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from schemas.errors import Refused
from schemas.limits import IMAGE_SCANS_MAX

_JPEG_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a frame header (SOF0 to SOF15), which holds the picture's size."""
_JPEG_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_JPEG_SCAN: Final = 0xDA
_JPEG_END: Final = 0xD9
_JPEG_MARKER: Final = re.compile(rb"\xff+[^\xff]", re.DOTALL)
"""Any number of 0xFF may come before a marker's own byte."""
_JPEG_NEXT: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""What ends a scan: neither an escaped 0xFF nor a restart."""
_SEGMENTS_MAX: Final = 65_536
"""Of one JPEG: a photo has some dozens."""


@dataclass(frozen=True, slots=True)
class Claim:
    """width, height: pixels, as the header has them. kept: the decoder keeps the whole picture's coefficients until
    its last scan, beside the picture: two bytes more for each of its values."""

    width: int
    height: int
    kept: bool = False


def claim(value: bytes) -> Claim:
    """What the file says of itself. Refused where it is no JPEG, PNG or WebP, or cut off."""
    try:
        if value.startswith(b"\xff\xd8"):
            return _jpeg(value)
        if value.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(value)
        if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
            return _webp(value)
    except (struct.error, IndexError):
        raise not_an_image(value, "its header is cut off") from None
    raise not_an_image(value, "it begins like none of them")


def not_an_image(value: bytes, why: str) -> Refused:
    """The refusal of what is no picture."""
    return Refused(
        "NotAnImage",
        f"{len(value)} bytes beginning {value[:8]!r} are not a whole JPEG, PNG or WebP: {why}",
        "decode",
    )


def _png(value: bytes) -> Claim:
    """Each chunk must be as long as it says: the decoder takes that much memory before it looks."""
    at, name = 8, b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", value, at)
        at += 12 + length
        if at > len(value):
            raise not_an_image(value, f"the PNG is cut off (its chunk {name!r} claims {length} bytes)")
    width, height = struct.unpack_from(">II", value, 16)
    return Claim(width, height)


def _jpeg(value: bytes) -> Claim:
    frame, planes = None, 0
    for marker, at in _segments(value):
        if marker in _JPEG_FRAMES:
            height, width, planes = struct.unpack_from(">HHB", value, at + 3)
            frame = Claim(width, height, marker in _JPEG_PROGRESSIVE)
        if marker == _JPEG_SCAN:
            break
    if frame is None:
        raise not_an_image(value, "the JPEG has no frame header")
    # Within a scan every 0xFF is escaped, so this is the end marker and not a thumbnail's. It is near the end.
    if value.rfind(b"\xff\xd9", at) < 0:
        raise not_an_image(value, "the JPEG is cut off (it has no end marker)")
    kept = frame.kept or value[at + 2] < planes
    # Counting bytes is quick, and counts what is appended to a photo too: only where it is much the scans are read.
    if kept and value.count(b"\xff\xda", at) >= IMAGE_SCANS_MAX:
        _check_scans(value)
    return Claim(frame.width, frame.height, kept)


def _check_scans(value: bytes) -> None:
    scans = (marker for marker, _ in _segments(value) if marker == _JPEG_SCAN)
    if sum(1 for _ in islice(scans, IMAGE_SCANS_MAX + 1)) > IMAGE_SCANS_MAX:
        message = f"the JPEG goes over its picture more than {IMAGE_SCANS_MAX} times; expected at most so many scans"
        raise Refused("ImageTooLarge", message, "decode")


def _segments(value: bytes) -> Iterator[tuple[int, int]]:
    """The JPEG's segments: marker, and where its length stands. Refused where there are too many, or other bytes."""
    at = 2
    for _ in range(_SEGMENTS_MAX):
        found = _JPEG_MARKER.match(value, at)
        if found is None:
            raise not_an_image(value, f"byte {at} of the JPEG is no marker")
        at = found.end()
        marker = value[at - 1]
        if marker == _JPEG_END:
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        yield marker, at
        at += int(struct.unpack_from(">H", value, at)[0])
        if marker == _JPEG_SCAN:
            found = _JPEG_NEXT.search(value, at)
            at = len(value) if found is None else found.start()
    raise not_an_image(value, f"the JPEG has more than {_SEGMENTS_MAX} segments")


def _webp(value: bytes) -> Claim:
    if 8 + int.from_bytes(value[4:8], "little") > len(value):
        raise not_an_image(value, "the WebP is cut off")
    match value[12:16]:
        case b"VP8X":
            return Claim(1 + int.from_bytes(value[24:27], "little"), 1 + int.from_bytes(value[27:30], "little"))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", value, 21)
            return Claim(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        case _:
            width, height = struct.unpack_from("<HH", value, 26)
            return Claim(width & 0x3FFF, height & 0x3FFF)
