"""Pictures read, resized for a model, and written."""

import os
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from adapters.images.decode import decode_image, image_tensor
from schemas.errors import Refused
from schemas.models import ImageSettings, TensorSpec
from sparring.checks import checked_bool, checked_count, checked_file, checked_picture

if TYPE_CHECKING:
    import pandas as pd

Image: TypeAlias = npt.NDArray[np.uint8]
SIDE_PX_MAX: Final = 65_535


def load_image(path: str | os.PathLike[str], width: int, height: int) -> "tuple[pd.DataFrame, Image]":
    """An image file as the input of a model that takes [1, 3, height, width], and as the picture that it sees.

    It is what `infer_image` does to the same file for a model without image settings: RGB, bilinear resize
    without keeping the aspect (OpenCV INTER_LINEAR on uint8), planes first, divided by 255.

    Args:
        path: a JPEG, PNG or WebP. Alpha is dropped, grey becomes three channels, 16 bits become 8, an EXIF
            orientation is applied.
        width: of the model's input, pixels.
        height: of the model's input, pixels.

    Returns:
        A DataFrame of one row, whose column `tensor` holds a float32 array [1, 3, height, width] of 0..1; and the
        resized picture, uint8 RGB [height, width, 3], on which the model's boxes can be drawn.

    Raises:
        FileNotFoundError: path is no file.
        TypeError, ValueError: an argument is wrong, or the file is no whole image.
    """
    import pandas as pd  # noqa: PLC0415  # drawing alone, as the command line does, needs none

    for argument, pixels in (("width", width), ("height", height)):
        if isinstance(pixels, bool) or not isinstance(pixels, int):
            raise TypeError(f"{argument}: {pixels!r}; expected a whole number of pixels")
        if pixels < 1:
            raise ValueError(f"{argument}: {pixels}; expected at least 1 pixel")
        if pixels > SIDE_PX_MAX:
            raise ValueError(f"{argument}: {pixels}; expected 1 to {SIDE_PX_MAX} pixels")
    where = checked_file("path", path, "the path of an image")
    try:
        picture = decode_image(where.read_bytes(), ImageSettings())
    except Refused as error:
        raise ValueError(f"path: {where}: {error.message}") from error
    tensor = image_tensor(picture, ImageSettings(), TensorSpec("tensor", "float32", (1, 3, height, width)))
    resized = picture if picture.shape[:2] == (height, width) else cv2.resize(picture, (width, height))
    return pd.DataFrame({"tensor": [tensor]}), resized.astype(np.uint8, copy=False)


def decode(value: bytes, *, exif: bool = True) -> Image:
    """The picture of an encoded image.

    Args:
        value: the bytes of a JPEG, PNG or WebP.
        exif: apply a JPEG's orientation.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: value is no whole image.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"value: {type(value).__name__}; expected the bytes of a JPEG, PNG or WebP")
    settings = ImageSettings(exif=checked_bool("exif", exif))
    try:
        return decode_image(bytes(value), settings)
    except Refused as error:
        raise ValueError(f"value: {error.message}") from error


def enlarged(image: Image, side_px_min: int = 960) -> Image:
    """A small picture two, three, ... times as large, so that labels have room; a larger one as it is.

    Args:
        image: uint8 RGB [height, width, 3].
        side_px_min: pixels that its longer side has afterwards, at least.
    """
    side_px = checked_count("side_px_min", side_px_min, 1, SIDE_PX_MAX)
    times = -(-side_px // max(checked_picture("image", image).shape[:2]))
    if times <= 1:
        return image
    larger: Image = cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    return larger


def encode_png(image: Image) -> bytes:
    """The picture as a PNG. image: uint8 RGB [height, width, 3]."""
    done, png = cv2.imencode(".png", checked_picture("image", image)[..., ::-1])
    if not done:
        raise ValueError(f"image: {list(image.shape)} could not be encoded as PNG")
    return png.tobytes()
