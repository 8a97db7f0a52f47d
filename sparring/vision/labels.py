"""Where a box's label can stand so that labels stay clear of each other. Pure."""

from collections.abc import Sequence
from typing import TypeAlias

Rectangle: TypeAlias = tuple[int, int, int, int]


def free_place(
    corners: Rectangle, plate: tuple[int, int], size: tuple[int, int], taken: Sequence[Rectangle]
) -> Rectangle | None:
    """The first free place: above the box, below it, in it; None where all meet what is `taken`.

    Args:
        corners: the box's.
        plate: the label's width and height.
        size: the picture's width and height; the label stays inside.
        taken: other labels.
    """
    width, height = plate
    x1, y1, x2, y2 = (min(a, b) for a, b in zip(corners, size * 2, strict=True))
    right, below = x2 - width, y2 - height
    wanted = ((x1, y1 - height), (right, y1 - height), (x1, y2), (right, y2), (x1, y1), (right, below), (x1, below))
    plates = (_inside(place, plate, size) for place in wanted)
    return next((one for one in plates if not any(_meet(one, other) for other in taken)), None)


def _inside(place: tuple[int, int], plate: tuple[int, int], size: tuple[int, int]) -> Rectangle:
    left = max(0, min(place[0], size[0] - plate[0]))
    top = max(0, min(place[1], size[1] - plate[1]))
    return left, top, left + plate[0], top + plate[1]


def _meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
