"""An encoded image becomes a model's input tensor, by the model's image settings: in its process, and in notebooks.

The default is the tutorial's rule, bit for bit: RGB, bilinear resize of the uint8 picture (OpenCV
INTER_LINEAR), planes first, divided by 255 in float64, stored as float32.

Alpha is dropped, grey becomes three channels, 16 bits become 8, an EXIF orientation is applied.
Size and completeness are read from the file's own markers first: OpenCV decodes half a JPEG
without a word, and a few bytes can claim a picture of a gigabyte.
"""

import struct
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from schemas.errors import Refused
from schemas.limits import IMAGE_PIXELS_MAX
from schemas.models import ImageSettings, TensorSpec

Uint8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a frame header (SOF0 to SOF15), which holds the picture's size."""

_EXIF = (b"Exif", b"eXIf", b"EXIF")
"""How the block begins in a JPEG, a PNG, a WebP."""


def decode_image(value: bytes, settings: ImageSettings) -> Uint8:
    """The picture, uint8 [H, W, 3], channels in the order of `settings.colour`. Refused if it is none."""
    width, height = _size_if_whole(value)
    if width * height > IMAGE_PIXELS_MAX:
        raise Refused(
            "ImageTooLarge",
            f"the image has {width} x {height} pixels; expected at most {IMAGE_PIXELS_MAX} in all",
            "decode",
        )
    flags = cv2.IMREAD_COLOR_RGB if settings.colour == "RGB" else cv2.IMREAD_COLOR_BGR
    if not settings.exif:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(np.frombuffer(value, np.uint8), flags)
    except cv2.error as error:
        raise _not_an_image(value, str(error.err)) from error
    if picture is None:
        raise _not_an_image(value, "its content cannot be decoded")
    return picture.astype(np.uint8, copy=False)


def picture_size(value: bytes) -> tuple[int, int]:
    """Width and height, upright, as the file's header says; decoded only where a block of EXIF may turn the picture.
    Refused if it is none."""
    width, height = _size_if_whole(value)
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


def _size_if_whole(value: bytes) -> tuple[int, int]:
    """Width and height as the file's header says. Refused where the file is none, or cut off."""
    try:
        if value.startswith(b"\xff\xd8"):
            return _jpeg_size(value)
        if value.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png_size(value)
        if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
            return _webp_size(value)
    except (struct.error, IndexError):
        raise _not_an_image(value, "its header is cut off") from None
    raise _not_an_image(value, "it begins like none of them")


def _png_size(value: bytes) -> tuple[int, int]:
    """Each chunk must be as long as it says: the decoder takes that much memory before it looks."""
    at, name = 8, b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", value, at)
        at += 12 + length
        if at > len(value):
            raise _not_an_image(value, f"the PNG is cut off (its chunk {name!r} claims {length} bytes)")
    width, height = struct.unpack_from(">II", value, 16)
    return width, height


def _jpeg_size(value: bytes) -> tuple[int, int]:
    at = 2
    size = None
    while True:
        if value[at] != 0xFF:
            raise _not_an_image(value, f"byte {at} of the JPEG is no marker")
        marker = value[at + 1]
        if marker in {0x01, 0xFF} or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xDA:
            break
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", value, at + 5)
            size = (width, height)
        at += 2 + int(struct.unpack_from(">H", value, at + 2)[0])
    # Within the scan every 0xFF is escaped, so this is the end marker and not a thumbnail's.
    if value.find(b"\xff\xd9", at) < 0:
        raise _not_an_image(value, "the JPEG is cut off (it has no end marker)")
    if size is None:
        raise _not_an_image(value, "the JPEG has no frame header")
    return size


def _webp_size(value: bytes) -> tuple[int, int]:
    if 8 + int.from_bytes(value[4:8], "little") > len(value):
        raise _not_an_image(value, "the WebP is cut off")
    match value[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(value[24:27], "little"), 1 + int.from_bytes(value[27:30], "little")
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", value, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case _:
            width, height = struct.unpack_from("<HH", value, 26)
            return width & 0x3FFF, height & 0x3FFF


def _not_an_image(value: bytes, why: str) -> Refused:
    return Refused(
        "NotAnImage",
        f"{len(value)} bytes beginning {value[:8]!r} are not a whole JPEG, PNG or WebP: {why}",
        "decode",
    )
