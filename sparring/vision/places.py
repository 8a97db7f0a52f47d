"""Where a model's boxes lie on the picture that its input was made of. Pure."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from sparring.vision.pictures import Image


def boxes_on_picture(
    boxes: npt.ArrayLike, image: Image, size: tuple[int, int], aspect: Literal["stretch", "letterbox"]
) -> npt.NDArray[np.float64]:
    """Boxes in pixels of a model's input of `size` (width, height), in pixels of the picture it was made of: [n, 4].

    stretch: x * picture width / input width. letterbox: the picture lies at the top left, both axes share one ratio.
    """
    found = four(boxes)
    height, width = image.shape[:2]
    x, y = width / size[0], height / size[1]
    if aspect == "letterbox":
        x = y = max(x, y)
    placed: npt.NDArray[np.float64] = found * np.array([x, y, x, y])
    return placed


def four(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Boxes as [n, 4]; ValueError where they are no fours."""
    found: npt.NDArray[np.float64] = np.asarray(boxes, np.float64)
    if found.size % 4 or (found.ndim > 1 and found.shape[-1] != 4):
        raise ValueError(f"boxes: {list(found.shape)} numbers; expected four for each: x1, y1, x2, y2")
    return found.reshape(-1, 4)
