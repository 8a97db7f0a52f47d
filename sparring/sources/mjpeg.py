"""A file of JPEGs one after the other, as IP cameras record it (`.mjpeg`): each is a frame as it lies there.

Boundaries and headers of an HTTP multipart stream may lie between them. The file is read piece by piece: a long one
needs no more memory than its largest picture.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from adapters.images.jpeg_series import GAP, JPEG_BEGIN, count_jpegs, jpeg_end
from schemas.limits import FRAME_BYTES_MAX, KIB, MIB
from sparring.sources.errors import Incomplete
from sparring.sources.paths import MJPEGS

_PIECE_BYTES: Final = MIB
_GAP_BYTES_MAX: Final = 64 * KIB
"""Of bytes between two pictures that are looked at together."""
_LAST_BOUNDARY: Final = re.compile(rb"\s*--[^\r\n]{1,200}--\s*")
"""Behind the last picture of a multipart stream."""


def can_be_series(first: bytes) -> bool:
    """Whether a file that begins so may be one."""
    gap = GAP.match(first)
    return gap is not None and first.startswith(JPEG_BEGIN, gap.end())


def is_named_series(path: Path) -> bool:
    """Whether a file that is a video by its name holds JPEGs one after the other: it begins with one, or, named
    `.mjpeg`, with bytes of no container, such as the rest of a picture. OSError where it cannot be read."""
    with path.open("rb") as file:
        first = file.read(_PIECE_BYTES)
    if can_be_series(first):
        return True
    is_container = first.startswith((b"RIFF", b"\x1a\x45\xdf\xa3")) or first[4:8] == b"ftyp"
    return path.suffix.lower() in MJPEGS and not is_container and JPEG_BEGIN in first


def is_series(path: Path) -> bool:
    """Whether the file begins with several JPEGs of one size, whatever its name. OSError where it cannot be read."""
    with path.open("rb") as file:
        if file.read(len(JPEG_BEGIN)) != JPEG_BEGIN:
            return False
        file.seek(0)
        return count_jpegs(file.read(2 * FRAME_BYTES_MAX)) > 1


def jpegs_in(path: Path, bytes_max: int) -> Iterator[bytes]:
    """The file's JPEGs in their order, also broken ones: the decoder checks whether they are complete.

    Raises:
        Incomplete: behind the pictures that were given; the last one is cut off, one has more than `bytes_max` bytes,
            or bytes of the file belong to no picture.
        OSError: the file cannot be read.
    """
    count = 0
    with path.open("rb") as file:
        held = _Held(file)
        while held.skip_to_picture():
            end = held.find_end(bytes_max)
            if end is None:
                large = len(held.content) > bytes_max
                why = f"has more than {bytes_max} bytes; it and what follows are left out" if large else "is cut off"
                raise Incomplete(f"{count} whole pictures; the one behind them {why}")
            yield held.take(end)
            count += 1
    if held.strange_bytes:
        raise Incomplete(f"{count} pictures, and {held.strange_bytes} bytes that belong to none of them")


class _Held:
    """The part of the file that is looked at. strange_bytes: how many were passed over that are no padding."""

    def __init__(self, file: BinaryIO) -> None:
        self.content = bytearray()
        self.strange_bytes = 0
        self._file = file

    def skip_to_picture(self) -> bool:
        """Drop what lies before the next picture; False where there is none."""
        while (begin := self.content.find(JPEG_BEGIN)) < 0:
            if len(self.content) > _GAP_BYTES_MAX:
                self._pass_over(len(self.content) - len(JPEG_BEGIN))
            if not self._read():
                self._pass_over(len(self.content))
                return False
        self._pass_over(begin)
        return True

    def find_end(self, bytes_max: int) -> int | None:
        """Where the picture ends; None where the file ends before, or the picture is too large."""
        while (end := jpeg_end(self.content)) is None:
            if len(self.content) > bytes_max or not self._read():
                return None
        return end

    def take(self, end: int) -> bytes:
        """The picture."""
        picture = bytes(self.content[:end])
        del self.content[:end]
        return picture

    def _pass_over(self, count: int) -> None:
        gap = bytes(self.content[:count])
        if not (GAP.fullmatch(gap) or _LAST_BOUNDARY.fullmatch(gap)):
            self.strange_bytes += count
        del self.content[:count]

    def _read(self) -> bool:
        piece = self._file.read(max(_PIECE_BYTES, len(self.content)))
        self.content += piece
        return bool(piece)
