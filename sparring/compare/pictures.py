"""The picture of a pair, from wherever the frame's bytes lie, as a small JPEG for a page."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from schemas.errors import Refused, SparringError
from schemas.frames import Origin
from sparring.sources.paths import VIDEOS
from sparring.sources.video import jpegs_of
from sparring.vision.pictures import decode

if TYPE_CHECKING:
    from sparring.connection import Connection

WIDTH_MAX: Final = 900
"""Pixels of a picture on the page."""

_JPEG_QUALITY: Final = 82


@dataclass(frozen=True, slots=True)
class Picture:
    """width, height: of the frame as the model's process saw it, in pixels; jpeg: base64, at most WIDTH_MAX wide."""

    width: int
    height: int
    jpeg: str


def picture_of(source: str, connection: "Connection | None") -> Picture | str:
    """The picture; or, in a few words, why there is none.

    Args:
        source: as in a results dataset.
        connection: of the system on whose topics frames may lie; None: there is none.
    """
    try:
        value = _value(source, connection)
        return value if isinstance(value, str) else _small(value)
    except (SparringError, OSError, ValueError) as error:
        return f"{source}: {error}"


def _value(source: str, connection: "Connection | None") -> bytes | str:
    path, _, number = source.rpartition("#")
    if path and number.isdecimal():
        if Path(path).suffix.lower() in VIDEOS:
            return _of_video(Path(path), int(number))
        return "a row of a dataset: its picture is not looked up"
    if Path(source).is_file():
        return Path(source).read_bytes()
    if connection is None:
        return f"{source}: no system is connected, and it is no file"
    from sparring.originals import fetch, resolved  # noqa: PLC0415  # kafka-python, only where frames lie on a topic

    place = Origin.parse(source)
    original = fetch(connection.broker, [place]).get(place)
    if original is None:
        return f"{source}: no longer on its topic"
    return resolved(original, connection.settings).value


def _of_video(path: Path, number: int) -> bytes:
    for at, jpeg in enumerate(jpegs_of(path)):
        if at == number:
            return jpeg
    raise Refused("NotAnImage", f"{path} has no picture {number}", "read")


def _small(value: bytes) -> Picture:
    pixels: Any = decode(value)
    height, width = pixels.shape[:2]
    if width > WIDTH_MAX:
        pixels = cv2.resize(
            pixels, (WIDTH_MAX, max(1, round(height * WIDTH_MAX / width))), interpolation=cv2.INTER_AREA
        )
    done, jpeg = cv2.imencode(
        ".jpg", np.ascontiguousarray(pixels[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise ValueError("it cannot be encoded as JPEG")
    return Picture(width, height, base64.b64encode(jpeg.tobytes()).decode())
