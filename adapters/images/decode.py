"""An encoded image becomes a model's input tensor, by the model's image settings: in its process, and in notebooks.

The default is the tutorial's rule, bit for bit: RGB, bilinear resize of the uint8 picture (OpenCV
INTER_LINEAR), planes first, divided by 255 in float64, stored as float32. Which input takes the picture, and in what
layout, is in `schemas.pictures`; where the picture lies in it, in `schemas.pictures.placement`.

Alpha is dropped, grey becomes three channels, 16 bits become 8, an EXIF orientation is applied. For an input of one
channel the picture is made grey before it is resized. What the file
claims of itself is looked at first (`adapters.images.files`).
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from adapters.images.files import claim, not_an_image
from adapters.images.jpeg_series import JPEG_BEGIN
from adapters.images.jpegs import decode_jpeg, upright
from schemas.errors import Refused
from schemas.limits import IMAGE_PIXELS_MAX
from schemas.models import ImageSettings, TensorSpec
from schemas.pictures.inputs import PictureInput, picture_input, placed

Uint8 = npt.NDArray[np.uint8]
Tensor = npt.NDArray[Any]

_EXIF = (b"Exif", b"eXIf", b"EXIF")
"""How the block begins in a JPEG, a PNG, a WebP."""


def decode_image(value: bytes, settings: ImageSettings) -> Uint8:
    """The picture, uint8 [H, W, 3]: BGR where `settings.colour` is that, else RGB. Refused if it is none."""
    claimed = claim(value)
    pixels_max = IMAGE_PIXELS_MAX // 2 if claimed.kept else IMAGE_PIXELS_MAX
    if claimed.width * claimed.height > pixels_max:
        kind = "progressive JPEG" if claimed.kept else "image"
        raise Refused(
            "ImageTooLarge",
            f"the {kind} has {claimed.width} x {claimed.height} pixels; expected at most {pixels_max} in all",
            "decode",
        )
    if value.startswith(JPEG_BEGIN):
        picture = decode_jpeg(value, "BGR" if settings.colour == "BGR" else "RGB")
        return upright(picture, claimed.orientation) if settings.exif else picture
    flags = cv2.IMREAD_COLOR_BGR if settings.colour == "BGR" else cv2.IMREAD_COLOR_RGB
    if not settings.exif:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        decoded = cv2.imdecode(np.frombuffer(value, np.uint8), flags)
    except cv2.error as error:
        raise not_an_image(value, str(error.err)) from error
    if decoded is None:
        raise not_an_image(value, "its content cannot be decoded")
    return decoded.astype(np.uint8, copy=False)


def picture_size(value: bytes) -> tuple[int, int]:
    """Width and height, upright, from the file's header; decoded only where a block of EXIF may turn the picture.
    Refused if it is none."""
    claimed = claim(value)
    width, height = claimed.width, claimed.height
    if any(mark in value for mark in _EXIF):
        height, width = decode_image(value, ImageSettings()).shape[:2]
    return width, height


def image_tensor(picture: Uint8, settings: ImageSettings, spec: TensorSpec) -> Tensor:
    """The tensor of a decoded picture, in the input's dtype: [1, 3, H, W] or [1, H, W, 3], or with one channel.

    Refused where the settings do not fit the input.
    """
    takes = picture_input([spec], settings)
    width, height = _size(picture, takes)
    resized = _resized(_grey(picture, settings) if takes.channels == 1 else picture, width, height, settings)
    if spec.dtype == "uint8":
        return np.ascontiguousarray(resized if takes.layout == "HWC" else resized.transpose(2, 0, 1))[None]
    tables = _lookup(settings.scale, settings.mean, settings.std, spec.dtype)
    tensor: Tensor = np.empty(takes.shape(width, height), spec.dtype)
    planes = tensor[0] if takes.layout == "CHW" else tensor[0].transpose(2, 0, 1)
    for channel, plane in enumerate(planes):
        np.take(tables[channel], resized[:, :, channel], out=plane, mode="clip")
    return tensor


def target_size(picture: Uint8, settings: ImageSettings, spec: TensorSpec | None) -> tuple[int, int]:
    """Width and height: as configured, else as in the model's input shape, else the picture's own."""
    height, width = picture.shape[:2]
    if spec is None:
        return settings.width or width, settings.height or height
    return _size(picture, picture_input([spec], settings))


@lru_cache(maxsize=64)
def _lookup(
    scale: float, mean: tuple[float, float, float], std: tuple[float, float, float], dtype: str = "float32"
) -> tuple[Tensor, ...]:
    """Per channel what each of the 256 pixel values becomes: computed in float64, rounded once to the dtype. Infinite
    where the dtype does not reach so far."""
    values = np.arange(256, dtype=np.float64)
    # Divide: a multiplication by 1 / 255 would differ in the last bit.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        scaled = values / (1 / scale) if scale and float(1 / scale).is_integer() else values * scale
        return tuple(((scaled - m) / s).astype(dtype) for m, s in zip(mean, std, strict=True))


def _size(picture: Uint8, takes: PictureInput) -> tuple[int, int]:
    height, width = picture.shape[:2]
    return takes.width or width, takes.height or height


def _grey(picture: Uint8, settings: ImageSettings) -> Uint8:
    """[H, W, 1]. Of three equal channels it is each of them."""
    code = cv2.COLOR_BGR2GRAY if settings.colour == "BGR" else cv2.COLOR_RGB2GRAY
    return cv2.cvtColor(picture, code).astype(np.uint8, copy=False)[:, :, None]


def _resized(picture: Uint8, width: int, height: int, settings: ImageSettings) -> Uint8:
    """[height, width, channels]: the picture where `placed` puts it, and `settings.pad` around it."""
    if picture.shape[:2] == (height, width) and settings.resize_shorter is None:
        return picture
    channels = picture.shape[2]
    lies = placed(settings, (picture.shape[1], picture.shape[0]), (width, height))
    (across, down), (left, top) = lies.resized.astype(int).tolist(), lies.offset.astype(int).tolist()
    if across * down > IMAGE_PIXELS_MAX:
        came = f"{picture.shape[1]} x {picture.shape[0]} pixels, resized to {across} x {down} before the crop"
        raise Refused("ImageTooLarge", f"{came}; expected at most {IMAGE_PIXELS_MAX} in all", "decode")
    inner = picture
    if picture.shape[:2] != (down, across):
        inner = cv2.resize(picture, (across, down)).astype(np.uint8, copy=False).reshape(down, across, channels)
    inner = inner[max(0, -top) : max(0, -top) + height, max(0, -left) : max(0, -left) + width]
    if inner.shape[:2] == (height, width):
        return inner
    canvas = np.empty((height, width, channels), np.uint8)
    canvas[:] = settings.pad[:channels]
    top, left = max(0, top), max(0, left)
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas
