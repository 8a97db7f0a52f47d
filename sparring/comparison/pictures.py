"""The pictures that answers came from, as JPEGs for a page, or their sizes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2

from sparring.comparison.inputs import PictureSize
from sparring.comparison.opening import Connect, open_pictures
from sparring.vision import Image

SIDE_PX_MAX: Final = 900
"""Pixels of the longer side of a picture on the page."""

_JPEG_QUALITY: Final = 80


@dataclass(frozen=True)
class Picture:
    """jpeg: of `width` times `height` pixels. original: width and height of the picture that it was made of."""

    jpeg: bytes
    width: int
    height: int
    original: tuple[int, int]


Found = Picture | str
"""A picture, or why there is none."""


def find_pictures(sources: Iterable[str], connect: Connect) -> dict[str, Found]:
    """By source. The arguments are those of `open_pictures`."""
    return open_pictures(sources, connect, shown)


def picture_sizes(
    sources: Iterable[str], connect: Connect, silent: dict[str, str] | None = None
) -> dict[str, PictureSize | str]:
    """Width and height of each picture, upright as a model's process decodes it, or why they are unknown. The
    arguments are those of `open_pictures`; each picture is decoded, one at a time."""
    return open_pictures(sources, connect, _size, silent)


def _size(image: Image) -> PictureSize:
    return image.shape[1], image.shape[0]


def shown(image: Image) -> Picture:
    """The picture for a page: no larger than SIDE_PX_MAX. image: uint8 RGB [height, width, 3]."""
    height, width = image.shape[:2]
    ratio = min(1.0, SIDE_PX_MAX / max(height, width))
    if ratio < 1:
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    done, jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise ValueError(f"a picture of {width} x {height} pixels could not be encoded as JPEG")
    return Picture(jpeg.tobytes(), image.shape[1], image.shape[0], (width, height))
