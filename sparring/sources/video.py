"""One video becomes JPEGs, decoded with OpenCV as it is read: a long one needs no more memory than a short one.

OpenCV says nothing of pictures that it cannot read: those that the file announces are counted here.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
import numpy.typing as npt

from adapters.images.decode import decode_image
from schemas.errors import Refused
from schemas.limits import FRAME_BYTES_MAX
from schemas.models import ImageSettings
from sparring.sources.errors import Incomplete
from sparring.sources.mjpeg import is_named_series, jpegs_in

JPEG_QUALITY: Final = 90
"""Of 100."""

_OFF_BY: Final = 2
"""Pictures that a header may announce too many."""
_ROUNDING_MS, _REGULAR_SHARE = 2, 0.9
"""Of a file whose pictures come at one rate: containers have whole milliseconds."""
_SHORT_BY_MS, _SHORT_BY_SHARES = 2_000.0, (0.05, 0.25)
"""By how much sound may last longer than the pictures, where the announced number comes from the file's duration."""
_FIRST_BYTES: Final = 4096
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""How a Matroska file and its segment begin."""
_SIZE_UNKNOWN: Final = 0xFFFFFFFF
"""In a RIFF header, of one that was written to a pipe."""


def jpegs_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """The video's pictures in their order, upright, as JPEGs of its own size, each with the time at which it is shown,
    milliseconds after the video's beginning; never less than the one before.

    Raises:
        Refused: OpenCV cannot open it, or finds no picture in it.
        Incomplete: behind the pictures that were given: the file announces more.
    """
    video = _opened(path)
    try:
        shown = Shown.announced_by(video)
        count = after_ms = 0
        while True:
            there, picture = video.read()
            if not there:
                break
            done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            if not done:
                raise _unreadable(path, f"picture {count} of it cannot be encoded as JPEG")
            count += 1
            after_ms = max(after_ms, round(video.get(cv2.CAP_PROP_POS_MSEC)))
            shown.add(after_ms)
            yield after_ms, jpeg.tobytes()
        if count == 0:
            raise _unreadable(path, "OpenCV finds no picture in it")
        if why := shown.why_incomplete(path):
            raise Incomplete(why)
    finally:
        video.release()


@dataclass(slots=True)
class Shown:
    """The pictures that were read, beside those that the file announces.

    announced: how many, 0 where the file does not say; interval_ms: from one to the next, as it says. regular: how many
    came after just this time; lacking_ms: time between the others that is longer.
    """

    announced: int
    interval_ms: float
    count: int = 0
    last_ms: int = 0
    regular: int = 0
    lacking_ms: float = 0.0

    @classmethod
    def announced_by(cls, video: cv2.VideoCapture) -> Self:
        """As the video's header has it."""
        announced, per_s = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
        return cls(int(announced) if announced > 0 else 0, 1000 / per_s if per_s > 0 else 0.0)

    def add(self, after_ms: int) -> None:
        """One more was read, which is shown at this time."""
        if self.count:
            longer_ms = after_ms - self.last_ms - self.interval_ms
            self.regular += abs(longer_ms) <= _ROUNDING_MS
            self.lacking_ms += longer_ms if longer_ms > self.interval_ms / 2 else 0.0
        self.count += 1
        self.last_ms = after_ms

    def why_incomplete(self, path: Path) -> str | None:
        """What to say where pictures are missing; None where none is.

        AVI and MP4 count their pictures. Other containers have a duration, of which OpenCV makes a number that is too
        high where pictures do not come regularly: there it is believed where they do, where the file is shorter than it
        announces, or where much time at its end has no picture.
        """
        with path.open("rb") as file:
            first = file.read(_FIRST_BYTES)
        lacking = self.announced - self.count > _OFF_BY and self.lacking_ms + self._end_ms() > self.interval_ms
        is_cut_off = _is_cut_off(first, path.stat().st_size)
        if self.announced and _counts_pictures(first):
            is_lost = lacking or (is_cut_off and self.count < self.announced)
        elif self.announced:
            is_regular = self.regular >= _REGULAR_SHARE * (self.count - 1)
            least_ms, most_ms = (share * self.announced * self.interval_ms for share in _SHORT_BY_SHARES)
            enough_ms = max(least_ms, min(_SHORT_BY_MS, most_ms))
            is_short = self._end_ms() > enough_ms
            is_lost = lacking and (is_short or (is_regular and self.lacking_ms > _OFF_BY * self.interval_ms))
            is_lost = is_lost or (is_cut_off and self.count < self.announced)
        else:
            is_lost = is_cut_off
        if not is_lost:
            return None
        of = f" of the {self.announced}" if self.announced else ""
        that = " that it announces" if self.announced else ""
        return f"{self.count}{of} pictures{that}; it is cut off or damaged"

    def _end_ms(self) -> float:
        """Time behind the last picture."""
        return max(0.0, (self.announced - 1) * self.interval_ms - self.last_ms)


def _counts_pictures(first: bytes) -> bool:
    """Whether a file that begins so is AVI or MP4 (MOV, M4V)."""
    return first.startswith(b"RIFF") or first[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}


def _is_cut_off(first: bytes, size_bytes: int) -> bool:
    """Whether an AVI or Matroska file (WebM) that begins so has fewer bytes than its (first) segment announces."""
    if first.startswith(b"RIFF"):
        size = int.from_bytes(first[4:8], "little")
        return size != _SIZE_UNKNOWN and 8 + size > size_bytes
    begin = first.find(_SEGMENT)
    if not first.startswith(_EBML) or begin < 0 or begin + len(_SEGMENT) >= len(first):
        return False
    at = begin + len(_SEGMENT)
    length = 9 - first[at].bit_length()  # the number of leading zeros says how many bytes follow
    announced = int.from_bytes(first[at : at + length], "big") & ((1 << 7 * length) - 1)
    is_known = announced != (1 << 7 * length) - 1
    return is_known and at + length + announced > size_bytes


def pictures_at(path: Path, numbers: Iterable[int]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Single pictures of a video, by their numbers from 0, in their order: uint8 RGB [height, width, 3].

    Those that the video does not have are left out. Raises Refused where OpenCV cannot open it.
    """
    wanted = set(numbers)
    if is_named_series(path):
        yield from _jpegs_at(path, wanted)
        return
    video = _opened(path)
    try:
        if not video.isOpened():
            raise _unreadable(path, "OpenCV cannot open it")
        for number in range(max(wanted, default=-1) + 1):
            if not video.grab():
                return
            if number in wanted:
                there, picture = video.retrieve()
                if there:
                    yield number, np.ascontiguousarray(picture[..., ::-1])
    finally:
        video.release()


def _jpegs_at(path: Path, wanted: set[int]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Of JPEGs one after the other; those that are broken are left out."""
    with contextlib.suppress(Incomplete):
        for number, jpeg in enumerate(jpegs_in(path, FRAME_BYTES_MAX)):
            if number in wanted:
                with contextlib.suppress(Refused):
                    yield number, decode_image(jpeg, ImageSettings())
            if number >= max(wanted, default=-1):
                return


def _opened(path: Path) -> cv2.VideoCapture:
    """Silence OpenCV's and FFmpeg's own lines about an unreadable file: our error is enough.

    FFmpeg takes its level at the first video of a process: a program that opened one before keeps the lines.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    finally:
        cv2.utils.logging.setLogLevel(before)


def _unreadable(path: Path, why: str) -> Refused:
    return Refused("NotAnImage", f"by its name ({path.suffix}) it is a video, but {why}; is it whole?", "read")
