"""An encoded image becomes a model's input tensor, by the model's image settings: in its process, and in notebooks.

The default is the tutorial's rule, bit for bit: RGB, bilinear resize of the uint8 picture (OpenCV
INTER_LINEAR), planes first, divided by 255 in float64, stored as float32.

Alpha is dropped, grey becomes three channels, 16 bits become 8, an EXIF orientation is applied. What the file
claims of itself is looked at first (`adapters.image_files`).
"""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from adapters.image_files import claim, not_an_image
from adapters.jpeg_series import JPEG_BEGIN
from adapters.jpegs import decode_jpeg, upright
from schemas.errors import Refused
from schemas.limits import IMAGE_PIXELS_MAX
from schemas.models import ImageSettings, TensorSpec

Uint8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

_EXIF = (b"Exif", b"eXIf", b"EXIF")
"""How the block begins in a JPEG, a PNG, a WebP."""


def decode_image(value: bytes, settings: ImageSettings) -> Uint8:
    """The picture, uint8 [H, W, 3], channels in the order of `settings.colour`. Refused if it is none."""
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
    flags = cv2.IMREAD_COLOR_RGB if settings.colour == "RGB" else cv2.IMREAD_COLOR_BGR
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
    """Width and height, upright, as the file's header says; decoded only where a block of EXIF may turn the picture.
    Refused if it is none."""
    claimed = claim(value)
    width, height = claimed.width, claimed.height
    if any(mark in value for mark in _EXIF):
        height, width = decode_image(value, ImageSettings()).shape[:2]
    return width, height


def image_tensor(picture: Uint8, settings: ImageSettings, spec: TensorSpec) -> Float32:
    """float32 [1, 3, H, W] or [1, H, W, 3] of a decoded picture, resized to what the model takes."""
    width, height = target_size(picture, settings, spec)
    resized = _resize(picture, width, height, settings)
    tables = _lookup(settings.scale, settings.mean, settings.std)
    if settings.layout == "HWC":
        pixels = np.empty((1, height, width, 3), np.float32)
        for channel, table in enumerate(tables):
            pixels[0, :, :, channel] = table[resized[:, :, channel]]
        return pixels
    planes = np.empty((1, 3, height, width), np.float32)
    for channel, table in enumerate(tables):
        np.take(table, resized[:, :, channel], out=planes[0, channel], mode="clip")
    return planes


def target_size(picture: Uint8, settings: ImageSettings, spec: TensorSpec | None) -> tuple[int, int]:
    """Width and height: as configured, else as in the model's input shape, else the picture's own."""
    height, width = picture.shape[:2]
    shape = None if spec is None else spec.shape
    if shape is not None and len(shape) == 4:
        declared_h, declared_w = (shape[2], shape[3]) if settings.layout == "CHW" else (shape[1], shape[2])
        height, width = declared_h or height, declared_w or width
    return settings.width or width, settings.height or height


def _resize(picture: Uint8, width: int, height: int, settings: ImageSettings) -> Uint8:
    if picture.shape[:2] == (height, width):
        return picture
    if settings.aspect == "stretch":
        return cv2.resize(picture, (width, height)).astype(np.uint8, copy=False)
    ratio = min(width / picture.shape[1], height / picture.shape[0])
    inner = (max(1, round(picture.shape[1] * ratio)), max(1, round(picture.shape[0] * ratio)))
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: inner[1], : inner[0]] = cv2.resize(picture, inner)
    return canvas


@lru_cache(maxsize=64)
def _lookup(scale: float, mean: tuple[float, float, float], std: tuple[float, float, float]) -> tuple[Float32, ...]:
    """Per channel the float32 of each of the 256 pixel values, computed in float64."""
    values = np.arange(256, dtype=np.float64)
    # 1 / scale is exact where the rule says «divided by 255»; the product would be off by one bit.
    scaled = values / (1 / scale) if float(1 / scale).is_integer() else values * scale
    return tuple(((scaled - m) / s).astype(np.float32) for m, s in zip(mean, std, strict=True))
