"""Where a model's boxes lie on the picture that its input was made of. Pure."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from sparring.checks import checked_picture
from sparring.vision.pictures import Image

Aspect = Literal["stretch", "letterbox"]
_ASPECTS: Final = get_args(Aspect)
_SHOWN_CHARS_MAX: Final = 60


def boxes_on_picture(
    boxes: npt.ArrayLike, image: Image, size: tuple[int, int], aspect: Aspect
) -> npt.NDArray[np.float64]:
    """Boxes in pixels of a model's input, in pixels of the picture that it was made of: [n, 4].

    Args:
        boxes: x1, y1, x2, y2, flat or [n, 4].
        image: the picture, uint8 RGB [height, width, 3].
        size: of the model's input, (width, height).
        aspect: stretch: x * picture width / input width. letterbox: the picture lies at the top left of the input,
            both axes share one ratio.

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    found = four(boxes)
    height, width = checked_picture("image", image).shape[:2]
    across, down = _checked_size(size)
    if aspect not in _ASPECTS:
        raise ValueError(f"aspect: {aspect!r}; expected {' or '.join(map(repr, _ASPECTS))}")
    placed: npt.NDArray[np.float64] = found * np.tile(ratios((width, height), (across, down), aspect == "letterbox"), 2)
    return placed


def ratios(picture: npt.ArrayLike, size: npt.ArrayLike, letterbox: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """What corners in pixels of a model's input are multiplied with to be in pixels of the picture: across and down.

    Args:
        picture: its width and height, [2] or [n, 2].
        size: of the model's input, likewise.
        letterbox: the picture kept its aspect, a bool or [n]; both ratios are then the larger one.
    """
    each = np.asarray(picture, np.float64) / np.asarray(size, np.float64)
    kept = np.asarray(letterbox, np.bool_)[..., None]
    found: npt.NDArray[np.float64] = np.where(kept, each.max(axis=-1, keepdims=True), each)
    return found


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
    """What came, short enough for an error."""
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
