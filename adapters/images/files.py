"""An encoded picture before it is decoded: its size, whether it is complete, its layout.

Read from the file's own markers: a decoder takes the first of several pictures and drops the others, and a few bytes
can claim a picture of a gigabyte, or a scan of it ten thousand times over.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapters.images.jpeg_series import (
    JPEG_BEGIN,
    JPEG_END,
    JPEG_FRAMES,
    JPEG_MARKER,
    JPEG_NEXT,
    JPEG_SCAN,
    count_jpegs,
    jpeg_end,
)
from schemas.errors import Refused
from schemas.limits import IMAGE_SCANS_MAX

_PNG_BEGIN: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_JPEG_END_MARKER: Final = 0xD9
_APP1: Final = 0xE1
_COEFFICIENTS: Final = 64
"""Of a block of 8 x 8 pixels."""
_BITS: Final = 16
"""Of a coefficient; more than any scan leaves to those behind it."""
_ORIENTATION: Final = 0x0112
"""The tag in EXIF."""
_WEBP_ANIMATED: Final = 0x02
"""The flag in its header."""
_SEGMENTS_MAX: Final = 65_536
"""Of one JPEG: a photo has some dozens."""


@dataclass(frozen=True, slots=True)
class Claim:
    """width, height: pixels, as the header has them. kept: the decoder keeps the whole picture's coefficients until
    its last scan, beside the picture: two bytes more for each of its values. orientation: a JPEG's EXIF orientation, 1
    (upright) to 8."""

    width: int
    height: int
    kept: bool = False
    orientation: int = 1


def claim(value: bytes) -> Claim:
    """What the file's header declares. Refused where it is no JPEG, PNG or WebP, cut off, or holds several pictures."""
    try:
        if value.startswith(b"\xff\xd8"):
            return _jpeg(value)
        if value.startswith(_PNG_BEGIN):
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


class SeveralPictures(Refused):
    """More than one picture. what: such as `JPEGs one after the other`."""

    def __init__(self, count: int, what: str) -> None:
        said = f"{count} {what} in one value; expected one picture: send each as a frame"
        super().__init__("NotAnImage", said, "decode")


def check_one_picture(value: bytes) -> None:
    """Raises SeveralPictures where the value holds more than one; does not check whether one picture is complete."""
    try:
        claim(value)
    except SeveralPictures:
        raise
    except Refused:
        return


def orientation_of(tiff: bytes) -> int:
    """The orientation in a block of EXIF, which begins with its byte order; 1 where it has none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _png(value: bytes) -> Claim:
    """Each chunk must be as long as it declares: the decoder allocates that much memory before it reads."""
    at, name, pictures = 8, b"", 1
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", value, at)
        if name == b"acTL":
            pictures = max(pictures, *struct.unpack_from(">I", value, at + 8))
        at += 12 + length
        if at > len(value):
            raise not_an_image(value, f"the PNG is cut off (its chunk {name!r} claims {length} bytes)")
    if pictures > 1:
        raise SeveralPictures(pictures, "pictures of an animated PNG")
    if value.startswith(_PNG_BEGIN, at):
        raise SeveralPictures(value.count(_PNG_BEGIN), "PNGs one after the other")
    width, height = struct.unpack_from(">II", value, 16)
    return Claim(width, height)


def _jpeg(value: bytes) -> Claim:
    frame, channels, orientation = None, 0, 1
    for marker, at in _segments(value):
        if marker in JPEG_FRAMES:
            height, width, channels = struct.unpack_from(">HHB", value, at + 3)
            frame = Claim(width, height, marker in _JPEG_PROGRESSIVE)
        elif marker == _APP1 and value.startswith(b"Exif\0\0", at + 2):
            orientation = orientation_of(value[at + 8 : at + int.from_bytes(value[at : at + 2], "big")])
        if marker == JPEG_SCAN:
            break
    if frame is None:
        raise not_an_image(value, "the JPEG has no frame header")
    end = jpeg_end(value)
    if end is None or not value.endswith(JPEG_END, 0, end):
        raise not_an_image(value, "the JPEG is cut off (it has no end marker)")
    if value.find(JPEG_BEGIN, end) >= 0 and (count := count_jpegs(value)) > 1:
        raise SeveralPictures(count, "JPEGs one after the other")
    kept = frame.kept or value[at + 2] < channels
    if kept:
        _check_scans(value, progressive=frame.kept)
    return Claim(frame.width, frame.height, kept, orientation)


def _check_scans(value: bytes, *, progressive: bool) -> None:
    """Every bit of each channel's coefficients must come: the decoder takes zeros for what does not."""
    missing: dict[int, list[int]] = {}  # by channel, for each coefficient: how many of its lower bits
    scans = 0
    for marker, at in _segments(value):
        if marker in JPEG_FRAMES:
            missing = {channel: [_BITS] * _COEFFICIENTS for channel in value[at + 8 : at + 8 + 3 * value[at + 7] : 3]}
        if marker != JPEG_SCAN:
            continue
        scans += 1
        if scans > IMAGE_SCANS_MAX:
            message = (
                f"the JPEG goes over its picture more than {IMAGE_SCANS_MAX} times; expected at most so many scans"
            )
            raise Refused("ImageTooLarge", message, "decode")
        end = at + 3 + 2 * value[at + 2]
        first, last, bits = value[end : end + 3] if progressive else (0, _COEFFICIENTS - 1, 0)
        before, after = bits >> 4 or _BITS, bits & 0x0F
        for channel in value[at + 3 : end : 2]:
            for number in range(first, min(last + 1, _COEFFICIENTS)) if channel in missing else ():
                if missing[channel][number] <= before:
                    missing[channel][number] = after
    if any(map(any, missing.values())):
        raise not_an_image(value, f"the JPEG is cut off: of its scans only {scans} came")


def _segments(value: bytes) -> Iterator[tuple[int, int]]:
    """The JPEG's segments: marker, and where its length stands. Refused where there are too many, or other bytes."""
    at = 2
    for _ in range(_SEGMENTS_MAX):
        found = JPEG_MARKER.match(value, at)
        if found is None:
            raise not_an_image(value, f"byte {at} of the JPEG is no marker")
        at = found.end()
        marker = value[at - 1]
        if marker == _JPEG_END_MARKER:
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        yield marker, at
        at += int(struct.unpack_from(">H", value, at)[0])
        if marker == JPEG_SCAN:
            found = JPEG_NEXT.search(value, at)
            at = len(value) if found is None else found.start()
    raise not_an_image(value, f"the JPEG has more than {_SEGMENTS_MAX} segments")


def _webp(value: bytes) -> Claim:
    end = 8 + int.from_bytes(value[4:8], "little")
    if end > len(value):
        raise not_an_image(value, "the WebP is cut off")
    behind = end + end % 2
    if value[behind : behind + 4] == b"RIFF" and value[behind + 8 : behind + 12] == b"WEBP":
        raise SeveralPictures(value.count(b"WEBPVP8"), "WebPs one after the other")
    match value[12:16]:
        case b"VP8X":
            if value[20] & _WEBP_ANIMATED and (count := _webp_pictures(value, end)) > 1:
                raise SeveralPictures(count, "pictures of an animated WebP")
            return Claim(1 + int.from_bytes(value[24:27], "little"), 1 + int.from_bytes(value[27:30], "little"))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", value, 21)
            return Claim(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        case _:
            width, height = struct.unpack_from("<HH", value, 26)
            return Claim(width & 0x3FFF, height & 0x3FFF)


def _webp_pictures(value: bytes, end: int) -> int:
    """Chunks of an animation's pictures."""
    at, count = 12, 0
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", value, at)
        count += name == b"ANMF"
        at += 8 + length + length % 2
    return count
