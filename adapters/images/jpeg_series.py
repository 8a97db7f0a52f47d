"""JPEGs that lie one after the other, as an IP camera's recording has them: where each of them ends. Pure.

Read from the markers alone: nothing is decoded. A photo with other bytes behind it, such as a depth map or a motion
photo's film, is one JPEG.
"""

import re
import struct
from typing import Final

JPEG_BEGIN: Final = b"\xff\xd8\xff"
JPEG_END: Final = b"\xff\xd9"
JPEG_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a frame header (SOF0 to SOF15), which holds the picture's size."""
JPEG_SCAN: Final = 0xDA
JPEG_MARKER: Final = re.compile(rb"\xff+[^\xff]", re.DOTALL)
"""Any number of 0xFF may come before a marker's own byte."""
JPEG_NEXT: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a scan: neither an escaped 0xFF nor a restart. With `\xff+` the search takes twenty times as long."""
GAP: Final = re.compile(
    rb"[\0\r\n ]*(?:--[^\r\n]{1,200}\r?\n(?:[!-9;-~]{1,100}:[^\r\n]{0,500}\r?\n){0,30}\r?\n)?", re.DOTALL
)
"""What may lie between two: padding, or the boundary and headers of an HTTP multipart stream."""

_BEGIN, _END, _APP2 = 0xD8, 0xD9, 0xE2
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and the restarts."""


def jpeg_end(value: bytes | bytearray, begin: int = 0) -> int | None:
    """Where the JPEG that begins at `begin` ends: behind its end marker, or where the next one begins if it has none.
    None: not within `value`."""
    at = begin + 2
    while (found := JPEG_NEXT.search(value, at)) is not None:
        at, marker = found.end(), value[found.end() - 1]
        if marker == _END:
            return at
        if marker == _BEGIN:
            return at - 2
        if marker in _ALONE:
            continue
        if at + 2 > len(value):
            return None
        at += max(2, int.from_bytes(value[at : at + 2], "big"))
    return None


def count_jpegs(value: bytes) -> int:
    """How many pictures of the first one's size and channels lie one after the other, the first included; 1 for a photo
    whose header lists the others behind it (MPF)."""
    first, lists_others = _header(value, 0)
    begin, count = 0, 1
    while not lists_others and first is not None:
        end = jpeg_end(value, begin)
        gap = None if end is None else GAP.match(value, end)
        if gap is None or not value.startswith(JPEG_BEGIN, gap.end()):
            break
        begin = gap.end()
        if _header(value, begin)[0] != first:
            break
        count += 1
    return count


def _header(value: bytes, begin: int) -> tuple[tuple[int, int, int] | None, bool]:
    """Height, width and channels, as the frame header has them; and whether there is a list of other pictures."""
    frame, lists_others, at = None, False, begin + 2
    while (found := JPEG_MARKER.match(value, at)) is not None:
        at = found.end()
        marker = value[at - 1]
        if marker in {_BEGIN, _END, JPEG_SCAN} or at + 8 > len(value):
            break
        if marker in JPEG_FRAMES:
            frame = struct.unpack_from(">HHB", value, at + 3)
        lists_others |= marker == _APP2 and value.startswith(b"MPF\0", at + 2)
        at += 0 if marker in _ALONE else max(2, int.from_bytes(value[at : at + 2], "big"))
    return frame, lists_others
