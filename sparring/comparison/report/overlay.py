"""Both sides' boxes over a picture: A sky blue, B orange, matched boxes solid, unmatched ones dashed. Pure."""

import base64
import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from schemas.pictures.placement import placement
from sparring.comparison.changed import Box, ChangedPair
from sparring.comparison.coordinates import InputSpace
from sparring.comparison.report.pictures import SIDE_PX_MAX, Picture
from sparring.comparison.report.text import label
from sparring.vision.labels import Rectangle, free_place
from sparring.vision.places import on_picture

DRAWN_MAX: Final = 200
"""Boxes of one side that are drawn, the most confident."""

_HIGH_PX: Final = 720
_NARROW_PX: Final = 320
"""A picture's width on a telephone's screen; labels are laid out for it, too."""

_LABELLED_MAX: Final = 1 / 8
"""Of a picture, under labels: with a hundred boxes there would be nothing else to see."""

_TEXT_PX: Final = 12
_LETTER_PX: Final = 7.2
_PLATE_PX: Final = 18
_LABEL_CHARS_MAX: Final = 40


class Shape(NamedTuple):
    """A box, in pixels of the drawing."""

    side: str
    kind: str
    """`matched` or `lone`."""
    title: str
    x: float
    y: float
    width: str
    height: str


class Plate(NamedTuple):
    """A label, in pixels of the drawing."""

    side: str
    text: str
    x: int
    y: int
    width: int
    height: int
    text_x: str
    text_y: str
    text_length: str


class LabelLayer(NamedTuple):
    """The labels for one width of screen: `wide` or `narrow`."""

    screen: str
    font_px: str
    plates: list[Plate]


class Drawing(NamedTuple):
    """What `overlay.svg` of `sparring.pages` draws."""

    title: str
    width: int
    height: int
    shown_px: int
    jpeg: str | None
    """Base64; None: the boxes stand on an empty field."""
    shapes: list[Shape]
    labels: list[LabelLayer]


def overlay(one: ChangedPair, picture: Picture | None, class_names: Sequence[str] | None) -> Drawing:
    """A drawing of the picture's size. Without a picture the boxes stand on an empty field."""
    original = picture.original if picture is not None else one.picture or _stand_in(one)
    size = (picture.width, picture.height) if picture is not None else _large(original)
    a, b = (
        _placed(boxes[:DRAWN_MAX], its_input, original, size)
        for boxes, its_input in ((one.a, one.input_a), (one.b, one.input_b))
    )
    width = _width(size)
    return Drawing(
        title=one.subject,
        width=size[0],
        height=size[1],
        shown_px=width,
        jpeg=None if picture is None else base64.b64encode(picture.jpeg).decode(),
        shapes=[*_boxes("b", one.b, b, one.a, class_names), *_boxes("a", one.a, a, one.b, class_names)],
        labels=[
            _labels(screen, one, (a, b), size, size[0] / shown_px, class_names)
            for screen, shown_px in (("wide", width), ("narrow", min(width, _NARROW_PX)))
        ],
    )


def _width(size: tuple[int, int]) -> int:
    """A small picture is shown larger, but no higher than a screen."""
    return round(size[0] * max(1.0, min(SIDE_PX_MAX / size[0], _HIGH_PX / size[1])))


def box_text(box: Box, other: Box | None, side: str, class_names: Sequence[str] | None) -> str:
    """`bottle 0.87 -> 0.91`, `bottle 0.87 -> cup 0.91`, or `bottle 0.87`. side: whose `box` is."""
    if other is None:
        return _named(box, class_names)
    first, second = (box, other) if side == "a" else (other, box)
    if first.label == second.label:
        return f"{label(box.label, class_names)} {_sure(first)} → {_sure(second)}".strip()
    return f"{_named(first, class_names)} → {_named(second, class_names)}"


def _named(box: Box, class_names: Sequence[str] | None) -> str:
    return f"{label(box.label, class_names)} {_sure(box)}".strip()


def _sure(box: Box) -> str:
    return "" if box.confidence is None else f"{box.confidence:.2f}"


def _stand_in(one: ChangedPair) -> tuple[float, float]:
    """For the size of a picture that is unknown, and on which nothing hangs: that of the input of a model with boxes,
    or as far as boxes in pixels of the picture reach."""
    its_input = one.input_a if one.a else one.input_b
    return (_end(one, 2), _end(one, 3)) if its_input is None else its_input[:2]


def _large(original: tuple[float, float]) -> tuple[int, int]:
    ratio = SIDE_PX_MAX / max(original)
    return max(1, round(original[0] * ratio)), max(1, round(original[1] * ratio))


def _end(one: ChangedPair, place: int) -> float:
    """How far the boxes reach; at least a pixel."""
    ends = (box.corners[place] for box in (*one.a, *one.b))
    return max(1.0, *(end for end in ends if math.isfinite(end)), 1.0)


def _placed(
    boxes: Sequence[Box], its_input: InputSpace | None, original: tuple[float, float], size: tuple[int, int]
) -> list[tuple[float, ...]]:
    """Where boxes of one model lie on the picture as it is shown. original: the picture's own size."""
    lies = placement(original, original) if its_input is None else its_input.placement(original)
    corners = np.array([box.corners for box in boxes], np.float64).reshape(-1, 4)
    shown = on_picture(corners, lies) * np.tile(np.divide(size, original), 2)
    far = 4.0 * SIDE_PX_MAX
    return [tuple(map(_tenth, box)) for box in np.nan_to_num(shown.clip(-far, far), nan=0.0).tolist()]


def _tenth(value: float) -> float:
    return round(value, 1)


def _boxes(
    side: str,
    boxes: Sequence[Box],
    scaled: Sequence[tuple[float, ...]],
    others: Sequence[Box],
    names: Sequence[str] | None,
) -> Iterator[Shape]:
    for box, (x1, y1, x2, y2) in reversed(list(zip(boxes, scaled, strict=False))):
        other = None if box.partner is None else others[box.partner]
        kind = "matched" if other is not None else "lone"
        text = box_text(box, other, side, names)
        title = text if other else f"only in {side.upper()}: {text}"
        yield Shape(side, kind, title, x1, y1, f"{max(0, x2 - x1):.1f}", f"{max(0, y2 - y1):.1f}")


def _labels(
    screen: str,
    one: ChangedPair,
    placed: tuple[Sequence[tuple[float, ...]], Sequence[tuple[float, ...]]],
    size: tuple[int, int],
    unit: float,
    names: Sequence[str] | None,
) -> LabelLayer:
    """Those for a screen on which a pixel is `unit` of the picture's: a text is as large on every picture. What is only
    on one side comes first, the surest before others: it is what changed. A matched box has one label for both."""
    a, b = placed
    lone = [
        (side, box, corners)
        for side, boxes, scaled in (("a", one.a, a), ("b", one.b, b))
        for box, corners in zip(boxes, scaled, strict=False)
        if box.partner is None
    ]
    lone.sort(key=lambda found: -(found[1].confidence or 0.0))
    matched = [("both", box, corners) for box, corners in zip(one.a, a, strict=False) if box.partner is not None]
    taken: list[Rectangle] = []
    plates = []
    room = _LABELLED_MAX * size[0] * size[1]
    for side, box, corners in [*lone, *matched]:
        other = None if box.partner is None else one.b[box.partner]
        text = box_text(box, other, "a", names)
        text = text if len(text) <= _LABEL_CHARS_MAX else f"{text[: _LABEL_CHARS_MAX - 1]}…"
        plate = (round((len(text) * _LETTER_PX + 8) * unit), round(_PLATE_PX * unit))
        if taken and plate[0] * plate[1] > room:
            break
        place = free_place(_whole(corners), plate, size, taken) if text else None
        if place is not None:
            taken.append(place)
            room -= plate[0] * plate[1]
            plates.append(_plate(side, text, place, unit))
    return LabelLayer(screen, f"{_TEXT_PX * unit:.1f}", plates)


def _whole(corners: tuple[float, ...]) -> Rectangle:
    return round(corners[0]), round(corners[1]), round(corners[2]), round(corners[3])


def _plate(side: str, text: str, place: Rectangle, unit: float) -> Plate:
    left, top, right, bottom = place
    width = right - left
    return Plate(
        side,
        text,
        left,
        top,
        width,
        bottom - top,
        text_x=f"{left + 4 * unit:.1f}",
        text_y=f"{bottom - 5 * unit:.1f}",
        text_length=f"{max(1, width - 8 * unit):.1f}",
    )
