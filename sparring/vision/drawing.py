"""Boxes on pictures, with labels that stay clear of each other, and a legend. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from sparring.checks import checked_number, checked_picture, checked_text
from sparring.vision.coco import checked_class_names, class_name
from sparring.vision.labels import Rectangle, free_place
from sparring.vision.pictures import Image
from sparring.vision.places import four, shown

Colour: TypeAlias = tuple[int, int, int]

COLOURS: Final[tuple[Colour, ...]] = (
    (86, 180, 233),
    (230, 120, 0),
    (240, 228, 66),
    (255, 255, 255),
    (204, 121, 167),
)
"""Sky blue, orange, yellow, white, purple: also distinct for people who do not tell red from green. The first is
the official answer's."""

_DARK: Final[Colour] = (16, 18, 22)
_LIGHT: Final[Colour] = (240, 240, 236)
_TEXT_PX_MIN: Final = 11
_TEXT_PX_MAX: Final = 40
_FONT: Final = "sans"


@dataclass(frozen=True)
class Layer:
    """One model's boxes.

    boxes: x1, y1, x2, y2 in pixels of the picture, flat or [n, 4]; classes, confidences: [n] or None, where the
    model gives none. class_names: by class number; None, or a number beyond them: the number is shown. title: for
    the legend.
    """

    boxes: npt.ArrayLike
    classes: npt.ArrayLike | None = None
    confidences: npt.ArrayLike | None = None
    class_names: Sequence[str] | None = None
    colour: Colour = COLOURS[0]
    title: str = ""


def draw(
    image: Image,
    boxes: npt.ArrayLike,
    classes: npt.ArrayLike | None = None,
    confidences: npt.ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    colour: Colour = COLOURS[0],
) -> Image:
    """A copy of the picture with one model's boxes, each with its class and confidence.

    Args:
        image: uint8 RGB [height, width, 3].
        boxes: x1, y1, x2, y2 in pixels of the picture, flat or [n, 4].
        classes: one number per box, or None.
        confidences: one number per box, or None.
        class_names: by class number, as `COCO_NAMES`; None, or a number beyond them: the number is shown.
        colour: red, green, blue.

    Raises:
        TypeError, ValueError: an argument is wrong, or boxes, classes and confidences do not fit together.
    """
    return draw_layers(image, [Layer(boxes, classes, confidences, class_names, colour)])


def draw_layers(image: Image, layers: Sequence[Layer]) -> Image:
    """A copy with the boxes of several models, the first on top. A label for which no place is free is left out:
    those of the first model, and of its first boxes, come first.

    Args:
        image: uint8 RGB [height, width, 3].
        layers: each model's boxes and colour.

    Raises:
        TypeError, ValueError: an argument is wrong, or boxes, classes and confidences do not fit together.
    """
    drawn = np.ascontiguousarray(checked_picture("image", image)).copy()
    found = [(layer, _corners(layer), _labels(layer)) for layer in _checked(layers)]
    thick_px = max(1, round(max(image.shape[:2]) / 400))
    for layer, corners, _ in reversed(found):
        for x1, y1, x2, y2 in reversed(corners):
            cv2.rectangle(drawn, (x1, y1), (x2, y2), _DARK, thick_px + 2)
            cv2.rectangle(drawn, (x1, y1), (x2, y2), layer.colour, thick_px)
    taken: list[Rectangle] = []
    for layer, corners, labels in found:
        for corner, label in zip(corners, labels, strict=True):
            if label:
                taken += _write_label(drawn, label, corner, layer.colour, taken)
    return drawn


def confident(layer: Layer, confidence_min: float) -> Layer:
    """The layer without the boxes whose confidence is lower. A model that gives no confidences keeps all.

    Args:
        layer: one model's boxes.
        confidence_min: a box of just this confidence stays.

    Raises:
        TypeError, ValueError: an argument is wrong, or boxes, classes and confidences do not fit together.
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"layer: {type(layer).__name__}; expected a Layer")
    if math.isnan(checked_number("confidence_min", confidence_min)):
        raise ValueError(f"confidence_min: {confidence_min}; expected a number, as 0.5")
    boxes = four(layer.boxes)
    if layer.confidences is None:
        return layer
    confidences = _numbers("confidences", layer.confidences, len(boxes))
    classes = None if layer.classes is None else _numbers("classes", layer.classes, len(boxes))
    kept = confidences >= confidence_min
    return replace(
        layer, boxes=boxes[kept], confidences=confidences[kept], classes=None if classes is None else classes[kept]
    )


def legend(image: Image, layers: Sequence[Layer]) -> Image:
    """The picture with a strip below: a line per model, in its colour.

    Args:
        image: uint8 RGB [height, width, 3].
        layers: their colours and titles.
    """
    checked_picture("image", image)
    layers = _checked(layers)
    text_px = _text_px(image)
    line_px = round(text_px * 1.7)
    strip = np.full((line_px * len(layers) + text_px // 2, image.shape[1], 3), _DARK, np.uint8)
    for number, layer in enumerate(layers):
        middle = text_px // 4 + line_px * number + line_px // 2
        side = text_px // 2
        cv2.rectangle(strip, (side, middle - side), (3 * side, middle + side), layer.colour, cv2.FILLED)
        _write(strip, layer.title, (4 * side, middle + text_px // 3), _LIGHT, text_px)
    return np.concatenate((image, strip), axis=0)


def _checked(layers: object) -> list[Layer]:
    """The arguments, unchanged; TypeError or ValueError names the wrong one, and in a layer its field."""
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        raise TypeError(f"layers: {type(layers).__name__}; expected a list of Layer")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(f"layers: a {type(layer).__name__}; expected a list of Layer")
        checked_class_names(layer.class_names)
        checked_text("title", layer.title, "text for the legend")
        _check_colour(layer.colour)
    return list(layers)


def _check_colour(colour: object) -> None:
    accepted = "expected three whole numbers from 0 to 255: red, green, blue"
    if isinstance(colour, str) or not isinstance(colour, Sequence) or len(colour) != 3:
        raise TypeError(f"colour: {shown(colour)}; {accepted}")
    if not all(isinstance(one, int | np.integer) and 0 <= one <= 255 for one in colour):
        raise ValueError(f"colour: {shown(colour)}; {accepted}")


def _corners(layer: Layer) -> list[Rectangle]:
    """Whole pixels. What lies far outside, or is no number, is cut: OpenCV takes 32 bits."""
    found = np.nan_to_num(four(layer.boxes), nan=-1.0).clip(-(2**15), 2**15)
    return [(round(x1), round(y1), round(x2), round(y2)) for x1, y1, x2, y2 in found.tolist()]


def _labels(layer: Layer) -> list[str]:
    parts: list[list[str]] = [[] for _ in four(layer.boxes)]
    if layer.classes is not None:
        for label, number in zip(parts, _numbers("classes", layer.classes, len(parts)).tolist(), strict=True):
            label.append(class_name(number, layer.class_names))
    if layer.confidences is not None:
        for label, number in zip(parts, _numbers("confidences", layer.confidences, len(parts)).tolist(), strict=True):
            label.append(f"{number:.2f}")
    return [" ".join(label) for label in parts]


def _numbers(what: str, values: npt.ArrayLike, count: int) -> npt.NDArray[Any]:
    try:
        numbers = np.asarray(values).ravel()
    except ValueError:
        numbers = np.asarray(None)
    if numbers.dtype.kind not in "biuf" and numbers.size:
        raise ValueError(f"{what}: {shown(values)}; expected a number for each box")
    if len(numbers) != count:
        raise ValueError(f"{what}: {len(numbers)} for {count} boxes; expected one for each")
    return numbers


def _text_px(image: Image) -> int:
    side_px: int = max(image.shape[:2])
    return min(_TEXT_PX_MAX, max(_TEXT_PX_MIN, round(side_px / 60)))


def _write_label(
    image: Image, label: str, corners: Rectangle, colour: Colour, taken: Sequence[Rectangle]
) -> list[Rectangle]:
    """On a plate at the first free place: above the box, below it, in it. Returns the plate, none without a place."""
    text_px = _text_px(image)
    width, height = _width(image, label, text_px) + text_px // 2, round(text_px * 1.35)
    plate = free_place(corners, (width, height), (image.shape[1], image.shape[0]), taken)
    if plate is None:
        return []
    cv2.rectangle(image, plate[:2], (plate[2] - 1, plate[3] - 1), colour, cv2.FILLED)
    _write(image, label, (plate[0] + text_px // 4, plate[3] - round(text_px * 0.35)), _DARK, text_px)
    return [plate]


def _width(image: Image, text: str, text_px: int) -> int:
    box: Sequence[int] = cv2.getTextSize(image.shape[1::-1], text, (0, 0), cv2.FontFace(_FONT), text_px, 600)
    return box[2]


def _write(image: Image, text: str, left_and_baseline: tuple[int, int], colour: Colour, text_px: int) -> None:
    cv2.putText(image, text, left_and_baseline, colour, cv2.FontFace(_FONT), text_px, 600)
