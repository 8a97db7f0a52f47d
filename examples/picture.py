"""The picture that the demo leaves behind: champion and challenger on the same frame, side by side."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from examples.experiment import Detections
from examples.shelf import Shelf

Image: TypeAlias = npt.NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]

_ENLARGED: Final = 1.5
_TITLE_PX: Final = 64
_LEGEND_PX: Final = 48
_GAP_PX: Final = 12
_PLATE_PX: Final = 17
_GROUND: Final[Colour] = (24, 26, 30)
_TEXT: Final[Colour] = (240, 240, 236)
_DIM: Final[Colour] = (168, 172, 178)
# Told apart by people who do not see red and green, too.
_DETECTION: Final[Colour] = (86, 180, 233)
_FOUND: Final[Colour] = (255, 255, 255)
_MISSED: Final[Colour] = (255, 96, 0)


@dataclass(frozen=True)
class Side:
    """One half: a model, its role in a few words, and what it answered."""

    model: str
    role: str
    detections: Detections


def side_by_side(shelf: Shelf, left: Side, right: Side) -> Image:
    """Both answers on one frame: RGB uint8. Boxes with confidences; true labels thin, the missed ones in orange."""
    halves = [_half(shelf, side) for side in (left, right)]
    gap = np.full((halves[0].shape[0], _GAP_PX, 3), _GROUND, np.uint8)
    body = np.concatenate((halves[0], gap, halves[1]), axis=1)
    return np.concatenate((body, _legend(body.shape[1])), axis=0)


def write_png(path: str, image: Image) -> None:
    """Write an RGB image; OSError where the file cannot be written."""
    if not cv2.imwrite(path, image[..., ::-1]):
        raise OSError(f"{path}: the picture could not be written; is the folder writable, the disk full?")


def _half(shelf: Shelf, side: Side) -> Image:
    picture = np.ascontiguousarray(cv2.resize(shelf.image, None, fx=_ENLARGED, fy=_ENLARGED)).astype(np.uint8)
    for box, confidence in zip(side.detections.boxes, side.detections.confidences, strict=True):
        x1, y1, x2, y2 = _corners(box)
        cv2.rectangle(picture, (x1, y1), (x2, y2), _DETECTION, 2, cv2.LINE_AA)
        plate_y = y1 if y1 > _PLATE_PX else y2 + _PLATE_PX
        cv2.rectangle(picture, (x1 - 1, plate_y - _PLATE_PX), (x1 + 37, plate_y - 1), _DETECTION, cv2.FILLED)
        _write(picture, f"{confidence:.2f}", (x1 + 3, plate_y - 4), _GROUND, size_px=14, weight=600)
    for label, found in zip(shelf.labels, side.detections.found, strict=True):
        x1, y1, x2, y2 = _corners(label)
        cv2.rectangle(picture, (x1, y1), (x2, y2), _FOUND if found else _MISSED, 1 if found else 2, cv2.LINE_AA)
    title = np.full((_TITLE_PX, picture.shape[1], 3), _GROUND, np.uint8)
    found = side.detections.found
    _write(title, f"{side.model}: found {found.sum()} of {len(found)}", (16, 32), _TEXT, size_px=26, weight=600)
    _write(title, side.role, (16, 54), _DIM, size_px=16)
    return np.concatenate((title, picture), axis=0)


def _legend(width_px: int) -> Image:
    legend = np.full((_LEGEND_PX, width_px, 3), _GROUND, np.uint8)
    entries = (
        ("detection, with its confidence", _DETECTION, 2),
        ("true label, found", _FOUND, 1),
        ("true label, missed", _MISSED, 2),
    )
    for number, (text, colour, thickness) in enumerate(entries):
        left = 16 + 320 * number
        cv2.rectangle(legend, (left, 15), (left + 34, 33), colour, thickness, cv2.LINE_AA)
        _write(legend, text, (left + 46, 30), _TEXT, size_px=17)
    return legend


def _corners(box: npt.NDArray[np.float32]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (round(float(edge) * _ENLARGED) for edge in box)
    return x1, y1, x2, y2


def _write(
    picture: Image, text: str, left_and_baseline: tuple[int, int], colour: Colour, size_px: int, weight: int = 400
) -> None:
    cv2.putText(picture, text, left_and_baseline, colour, cv2.FontFace("sans"), size_px, weight)
