"""One file becomes frames: a picture or table is one, as it lies; a video is many, and so is a file of JPEGs one after
the other.

What can be no frame is refused here, before anything of it is sent, in the words in which the
router or a model process would refuse it later. Whether a picture is whole is left to them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.images.files import check_one_picture
from schemas.errors import FrameTooLarge, Refused
from schemas.frames import ARROW, JSON, ContentType, content_type
from schemas.json_text import decode_records
from schemas.limits import FRAME_BYTES_MAX, KIB
from sparring.sources.errors import check_bytes
from sparring.sources.mjpeg import is_named_series, is_series, jpegs_in
from sparring.sources.paths import VIDEOS

_FIRST_BYTES: Final = 4 * KIB
"""Enough to tell the kind of a file, also of JSON that begins with blank lines."""


@dataclass(frozen=True, slots=True)
class Sendable:
    """A frame that can be sent. name: the file's path; of a video with `#` and the frame's number, from 0. after_ms: of
    a video, when the picture is shown, milliseconds after its beginning."""

    name: str
    value: bytes
    content_type: ContentType
    after_ms: int = 0


def check_file(path: Path, bytes_max: int = FRAME_BYTES_MAX) -> None:
    """Look at size and first bytes only.

    Raises:
        FrameTooLarge: above `bytes_max` (JSON: above 16 MiB), and neither a video nor JPEGs one after the other.
        Refused: neither picture, Arrow, JSON nor video.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(_FIRST_BYTES)
    if _is_video(path):
        return
    size = path.stat().st_size
    if size > bytes_max and is_series(path):
        return
    check_bytes(size, bytes_max, "the file")
    if _kind(first) == JSON and size > FRAME_BYTES_MAX:
        raise FrameTooLarge(f"JSON of {size} bytes; expected at most {FRAME_BYTES_MAX}: send an Arrow IPC stream")


def frames_of(path: Path, bytes_max: int = FRAME_BYTES_MAX, name: str | None = None) -> Iterator[Sendable]:
    """The file's frames. name: what it is called; None: its path.

    Raises as `check_file`, and

        Refused: a table or a video that cannot be read, several pictures in one that is no JPEG.
        Incomplete: behind the frames that were given: others of the file cannot be read.
    """
    check_file(path, bytes_max)
    name = str(path) if name is None else name
    if _is_series(path):
        for number, jpeg in enumerate(jpegs_in(path, bytes_max)):
            yield Sendable(f"{name}#{number}", jpeg, "image/jpeg")
        return
    if _is_video(path):
        from sparring.sources.video import jpegs_of  # noqa: PLC0415  # OpenCV is slow to load

        for number, (after_ms, jpeg) in enumerate(jpegs_of(path)):
            yield Sendable(f"{name}#{number}", jpeg, "image/jpeg", after_ms)
        return
    value = path.read_bytes()
    kind = _kind(value)
    if kind == ARROW:
        from schemas.tables.read import read_arrow  # noqa: PLC0415  # pyarrow is slow to load

        read_arrow(value)
    elif kind == JSON:
        _check_records(value)
    else:
        check_one_picture(value)
    yield Sendable(name, value, kind)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS


def _is_series(path: Path) -> bool:
    """OpenCV would decode such a file too, and make a whole picture of one that is cut off."""
    return is_named_series(path) if _is_video(path) else is_series(path)


def _kind(first: bytes) -> ContentType:
    try:
        return content_type(None, first)
    except Refused as error:
        raise Refused(
            error.error,
            f"a file that begins {first[:8]!r}; expected a JPEG, PNG or WebP picture, an Arrow IPC stream or file, "
            f"a JSON list of records, or a video whose name ends in {' '.join(VIDEOS)}",
            "read",
        ) from None


def _check_records(value: bytes) -> None:
    """Not `schemas.tables.read.read_records`: making columns of them would load pandas."""
    try:
        records = decode_records(value)
    except ValueError as error:
        raise Refused("BadJson", f"no JSON list of records: {error}", "read") from error
    if not records:
        raise Refused("BadJson", "the list has no records; expected one per row", "read")
