"""Where a model's boxes lie on the picture that its input was made of. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, get_args

import numpy as np
import numpy.typing as npt

from schemas.models import Aspect, PicturePosition, Rounding
from schemas.pictures.placement import Placement, placement
from sparring.checks import checked_count, checked_picture

if TYPE_CHECKING:
    from sparring.vision.pictures import Image


_SHOWN_CHARS_MAX: Final = 60


def boxes_on_picture(
    boxes: npt.ArrayLike,
    image: "Image",
    size: tuple[int, int],
    aspect: Aspect,
    place: PicturePosition = "upper-left",
    rounding: Rounding = "nearest",
    resize_shorter: int | None = None,
) -> npt.NDArray[np.float64]:
    """Boxes in pixels of a model's input, in pixels of the picture that it was made of: [n, 4].

    Args:
        boxes: x1, y1, x2, y2, flat or [n, 4].
        image: the picture, uint8 RGB [height, width, 3].
        size: of the model's input, (width, height).
        aspect: as the model's image settings have it, like those below. stretch: x * picture width / input width.
            letterbox: the picture lies in the input, both axes share one ratio. crop: the input is cut from the
            picture's middle.
        place: of a letterboxed picture: upper-left or centre.
        rounding: of a letterboxed picture's sides: nearest or down.
        resize_shorter: pixels of a cropped picture's shorter side before the crop; None: as small as covers the input.

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    found = four(boxes)
    height, width = checked_picture("image", image).shape[:2]
    across, down = _checked_size(size)
    for argument, value, accepted in (
        ("aspect", aspect, get_args(Aspect)),
        ("place", place, get_args(PicturePosition)),
        ("rounding", rounding, get_args(Rounding)),
    ):
        if value not in accepted:
            raise ValueError(f"{argument}: {value!r}; expected {' or '.join(map(repr, accepted))}")
    shorter = np.nan if resize_shorter is None else checked_count("resize_shorter", resize_shorter, 1)
    lies = placement((width, height), (across, down), aspect, place, rounding, shorter)
    return on_picture(found, lies)


def on_picture(corners: npt.NDArray[np.float64], lies: Placement) -> npt.NDArray[np.float64]:
    """Corners [n, 4] in pixels of the input, in pixels of the picture. lies: of one picture, or of n."""
    placed: npt.NDArray[np.float64] = (corners - np.tile(lies.offset, 2)) * np.tile(lies.pixels, 2)
    return placed


def four(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Boxes as [n, 4]; ValueError where they are no fours."""
    try:
        found: npt.NDArray[np.float64] = np.asarray(boxes, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"boxes: {shown(boxes)}; expected four for each: x1, y1, x2, y2") from None
    if found.size % 4 or (found.ndim > 1 and found.shape[-1] != 4):
        raise ValueError(f"boxes: {list(found.shape)} numbers; expected four for each: x1, y1, x2, y2")
    return found.reshape(-1, 4)


def shown(given: object) -> str:
    """The value, short enough for an error message."""
    text = repr(given)
    return text if len(text) <= _SHOWN_CHARS_MAX else type(given).__name__


def _checked_size(size: object) -> tuple[int, int]:
    accepted = "expected a pair of pixels, width and height"
    if not isinstance(size, Sequence) or len(size) != 2:
        raise TypeError(f"size: {shown(size)}; {accepted}")
    if not all(isinstance(side, int | np.integer) and not isinstance(side, bool) for side in size):
        raise TypeError(f"size: {shown(size)}; {accepted}")
    if min(size) < 1:
        raise ValueError(f"size: {shown(size)}; expected at least 1 pixel each")
    return int(size[0]), int(size[1])
