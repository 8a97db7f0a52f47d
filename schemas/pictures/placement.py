"""Where a picture lies in a model's input. Pure.

The tensor is made with it, and boxes come back to the picture with it, so that both agree. Lengths are in pixels,
pairs are across and down.

Rounding follows the code that such models are trained with:

- letterbox, `nearest`: Ultralytics `LetterBox`: round(side * ratio), the padding's odd pixel right and below
- letterbox, `down`: YOLOX `preproc` and YOLOv3 of the ONNX model zoo: int(side * ratio)
- crop: torchvision `Resize(shorter)` and `CenterCrop`: the longer side int(shorter * long / short), the crop begins at
  round((side - crop) / 2); what is smaller than the crop is padded, the odd pixel right and below
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Placement:
    """Of one picture, float64 [2] each, or of n, [n, 2].

    resized: width and height of the picture in the input, cut parts included. offset: where its upper left corner lies;
    negative where that is cut. pixels: of the picture, per pixel of the input.
    """

    resized: Floats
    offset: Floats
    pixels: Floats


def placement(
    picture: npt.ArrayLike,
    size: npt.ArrayLike,
    aspect: npt.ArrayLike = "stretch",
    place: npt.ArrayLike = "upper-left",
    rounding: npt.ArrayLike = "nearest",
    resize_shorter: npt.ArrayLike = np.nan,
) -> Placement:
    """Where pictures lie in inputs.

    Args:
        picture: width and height, [2] or [n, 2].
        size: of the model's input, likewise.
        aspect: an `Aspect` of `schemas.models`, or [n] of them.
        place: of a letterboxed picture, a `Place` or [n].
        rounding: of a letterboxed picture's sides, a `Rounding` or [n].
        resize_shorter: of a cropped picture: its shorter side before the crop, or [n]. NaN: as small as covers the
            input.
    """
    picture, size = np.asarray(picture, np.float64), np.asarray(size, np.float64)
    letterbox, crop = ((np.asarray(aspect) == one)[..., None] for one in ("letterbox", "crop"))
    boxed = _letterboxed(picture, size, np.asarray(place)[..., None], np.asarray(rounding)[..., None])
    cut = _cropped(picture, size, np.asarray(resize_shorter, np.float64)[..., None])
    stretched = (np.broadcast_to(size, picture.shape), np.zeros_like(picture), picture / size)
    each = [np.where(letterbox, a, np.where(crop, b, c)) for a, b, c in zip(boxed, cut, stretched, strict=True)]
    return Placement(*each)


def _letterboxed(
    picture: Floats, size: Floats, place: npt.NDArray[np.str_], rounding: npt.NDArray[np.str_]
) -> tuple[Floats, Floats, Floats]:
    sides = picture * (size / picture).min(axis=-1, keepdims=True)
    resized = np.maximum(1, np.where(rounding == "down", np.floor(sides), np.rint(sides)))
    offset = np.where(place == "centre", np.floor((size - resized) / 2), 0)
    return resized, offset, np.broadcast_to((picture / size).max(axis=-1, keepdims=True), picture.shape)


def _cropped(picture: Floats, size: Floats, shorter: Floats) -> tuple[Floats, Floats, Floats]:
    """One side is given, the other follows: the shorter one, or where that is not said the one that needs most."""
    across = size[..., :1] * picture[..., 1:] >= size[..., 1:] * picture[..., :1]
    least = np.where(across, size[..., :1], size[..., 1:]), np.where(across, picture[..., :1], picture[..., 1:])
    said = ~np.isnan(shorter)
    wanted = np.where(said, shorter, least[0])
    came = np.where(said, picture.min(axis=-1, keepdims=True), least[1])
    resized = np.maximum(1, np.floor(wanted * picture / came))
    offset = np.where(resized > size, -np.rint((resized - size) / 2), np.floor((size - resized) / 2))
    return resized, offset, np.broadcast_to(came / wanted, picture.shape)
