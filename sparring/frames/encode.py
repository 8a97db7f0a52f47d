"""The argument of `send` as the bytes of a frame. Too large a frame is refused before anything is encoded or read."""

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from adapters.images.files import check_one_picture
from schemas.errors import FrameTooLarge, Refused
from schemas.frames import ARROW, JSON, content_type
from schemas.limits import FRAME_BYTES_MAX
from schemas.pipelines import PipelineVersion
from sparring.checks import checked_file
from sparring.frames.inputs import frame_of, png_of
from sparring.sources import Sendable, frames_of
from sparring.sources.errors import check_bytes
from sparring.sources.paths import VIDEOS

Encoded = bytes | bytearray | memoryview
Given = Encoded | str | os.PathLike[str] | npt.NDArray[np.uint8] | pd.DataFrame | pa.Table


def frame_given(given: object, live: Callable[[], PipelineVersion], bytes_max: int) -> Sendable:
    """The frame; its name is the path it was read from, or empty.

    Args:
        given: an encoded picture or table as it is, a file's path, a picture (uint8, RGB), a table.
        live: the version that answers now; a table is made as its first model takes it.
        bytes_max: the largest frame that can be sent.

    Raises:
        TypeError, ValueError: it can be no frame, or the first model cannot take it.
        FileNotFoundError: it is a path, and there is no file.
        FrameTooLarge: above `bytes_max`.
    """
    match given:
        case bytes() | bytearray() | memoryview():
            return _encoded(given, bytes_max)
        case str() | os.PathLike():
            return _file(checked_file("frame", given), bytes_max)
        case np.ndarray():
            image = png_of(given, "frame")
            return Sendable("", image.value, "image/png")
        case pd.DataFrame() | pa.Table():
            value, _ = frame_of(given, live(), "frame", bytes_max)
            return Sendable("", value, ARROW)
        case _:
            raise TypeError(
                f"frame: {type(given).__name__}; expected the bytes of a picture or table, a path, a uint8 array, a "
                "pandas.DataFrame or a pyarrow.Table"
            )


def _encoded(given: Encoded, bytes_max: int) -> Sendable:
    size = given.nbytes if isinstance(given, memoryview) else len(given)
    check_bytes(size, bytes_max, "frame")
    value = bytes(given)
    try:
        kind = content_type(None, value)
    except Refused:
        raise ValueError(
            f"frame: {size} bytes, beginning {value[:8]!r}; expected those of a JPEG, PNG or WebP, of an Arrow IPC "
            "stream, or JSON records"
        ) from None
    try:
        check_one_picture(value)
    except Refused as error:
        raise ValueError(f"frame: {error.message}") from None
    if kind == JSON and size > FRAME_BYTES_MAX:
        raise FrameTooLarge(f"frame: JSON of {size} bytes; expected at most {FRAME_BYTES_MAX}: send Arrow")
    return Sendable("", value, kind)


def _file(path: Path, bytes_max: int) -> Sendable:
    many = ValueError(f"frame: {path} is a video, which is many frames; `sparring send` sends them")
    if path.suffix.lower() in VIDEOS:
        raise many
    try:
        frame, *more = islice(frames_of(path, bytes_max), 2)
    except Refused as error:
        raise ValueError(f"frame: {path}: {error.message}") from None
    except FrameTooLarge as error:
        raise FrameTooLarge(f"frame: {path}: {error}") from None
    if more:
        raise many
    return frame
