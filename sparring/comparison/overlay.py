"""Both sides' boxes over a picture, as SVG: A sky blue, B orange, matched drawn solid, unmatched dashed. Pure."""

import base64
import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from sparring.comparison.changed import Box, Changed
from sparring.comparison.pictures import SIDE_PX_MAX, Picture
from sparring.comparison.telling import label
from sparring.vision.labels import Rectangle, free_place

DRAWN_MAX: Final = 200
"""Boxes of one side that are drawn, the most confident."""

_TEXT_PX: Final = 13
_HIGH_PX: Final = 720
_LETTER_PX: Final = 7.2
_PLATE_PX: Final = 18
_LABEL_CHARS_MAX: Final = 40


def overlay(one: Changed, picture: Picture | None, class_names: Sequence[str] | None) -> str:
    """An <svg> of the picture's size. Without a picture the boxes stand on an empty field."""
    size, across, down = _field(one, picture)
    a, b = ([_scaled(box, across, down) for box in side[:DRAWN_MAX]] for side in (one.a, one.b))
    image = "" if picture is None else _image(picture)
    drawn = [*_boxes("b", one.b, b, one.a, class_names), *_boxes("a", one.a, a, one.b, class_names)]
    labels = _labels(one, a, b, size, class_names)
    return (
        f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" style="max-width:{_width(size)}px">'
        f"<title>{escape(one.subject)}</title>"
        f'<rect class="field" width="{size[0]}" height="{size[1]}"/>{image}{"".join(drawn)}{"".join(labels)}</svg>'
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


def _field(one: Changed, picture: Picture | None) -> tuple[tuple[int, int], float, float]:
    """Width and height, and what the boxes are multiplied with, across and down."""
    if picture is not None:
        width, height = one.input_size or picture.original
        return (picture.width, picture.height), picture.width / width, picture.height / height
    across, down = one.input_size or (_end(one, 2), _end(one, 3))
    ratio = SIDE_PX_MAX / max(across, down)
    return (max(1, round(across * ratio)), max(1, round(down * ratio))), ratio, ratio


def _end(one: Changed, place: int) -> float:
    """How far the boxes reach; at least a pixel."""
    ends = (box.corners[place] for box in (*one.a, *one.b))
    return max(1.0, *(end for end in ends if math.isfinite(end)), 1.0)


def _scaled(box: Box, across: float, down: float) -> tuple[float, ...]:
    far = 4.0 * SIDE_PX_MAX
    scaled = (value * ratio for value, ratio in zip(box.corners, (across, down) * 2, strict=True))
    return tuple(round(min(far, max(-far, value)), 1) if not math.isnan(value) else 0.0 for value in scaled)


def _image(picture: Picture) -> str:
    encoded = base64.b64encode(picture.jpeg).decode()
    return f'<image width="{picture.width}" height="{picture.height}" href="data:image/jpeg;base64,{encoded}"/>'


def _boxes(
    side: str,
    boxes: Sequence[Box],
    scaled: Sequence[tuple[float, ...]],
    others: Sequence[Box],
    names: Sequence[str] | None,
) -> Iterator[str]:
    for box, (x1, y1, x2, y2) in reversed(list(zip(boxes, scaled, strict=False))):
        other = None if box.partner is None else others[box.partner]
        kind = "matched" if other is not None else "lone"
        said = (
            box_text(box, other, side, names)
            if other
            else f"only in {side.upper()}: {box_text(box, None, side, names)}"
        )
        where = f'x="{x1}" y="{y1}" width="{max(0, x2 - x1):.1f}" height="{max(0, y2 - y1):.1f}"'
        yield f'<g class="{side} {kind}"><title>{escape(said)}</title><rect class="halo" {where}/><rect {where}/></g>'


def _labels(
    one: Changed,
    a: Sequence[tuple[float, ...]],
    b: Sequence[tuple[float, ...]],
    size: tuple[int, int],
    names: Sequence[str] | None,
) -> Iterator[str]:
    """What is only on one side first: it is what changed. A matched box has one label for both."""
    lone = [
        (side, box, corners)
        for side, boxes, scaled in (("a", one.a, a), ("b", one.b, b))
        for box, corners in zip(boxes, scaled, strict=False)
        if box.partner is None
    ]
    lone.sort(key=lambda found: -(found[1].confidence or 0.0))
    matched = [("both", box, corners) for box, corners in zip(one.a, a, strict=False) if box.partner is not None]
    taken: list[Rectangle] = []
    for side, box, corners in [*lone, *matched]:
        other = None if box.partner is None else one.b[box.partner]
        text = box_text(box, other, "a", names)
        text = text if len(text) <= _LABEL_CHARS_MAX else f"{text[: _LABEL_CHARS_MAX - 1]}…"
        plate = (round(len(text) * _LETTER_PX) + 8, _PLATE_PX)
        place = free_place(_whole(corners), plate, size, taken) if text else None
        if place is not None:
            taken.append(place)
            yield _plate(side, text, place)


def _whole(corners: tuple[float, ...]) -> Rectangle:
    return round(corners[0]), round(corners[1]), round(corners[2]), round(corners[3])


def _plate(side: str, text: str, place: Rectangle) -> str:
    left, top, right, bottom = place
    width = right - left
    return (
        f'<g class="label {side}"><rect x="{left}" y="{top}" width="{width}" height="{bottom - top}"/>'
        f'<text x="{left + 4}" y="{bottom - 5}" textLength="{width - 8}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text></g>"
    )
