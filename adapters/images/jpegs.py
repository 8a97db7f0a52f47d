"""A JPEG becomes pixels, or a refusal: libjpeg-turbo decodes what it can of a damaged file, and warns.

OpenCV has the same decoder and does not report its warnings, so simplejpeg decodes; the pixels are the same. A warning
that means loss of picture data is a refusal. One about padding or metadata is not: the JPEG is decoded again without
the bytes that it is about, because the decoder reports its last warning only.
"""

import re
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from adapters.images.files import not_an_image
from adapters.images.jpeg_series import JPEG_NEXT, JPEG_SCAN, jpeg_end

Uint8 = npt.NDArray[np.uint8]

_LOOKS_MAX: Final = 4
_EXTRANEOUS: Final = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_OF_HEADER: Final = re.compile(r"bad ICC marker|before marker 0x(?:c[0-9a-f]|d[abd]|[ef][0-9a-f])")
"""About metadata, or bytes between the header's segments."""
_HARMLESS: Final = ("Invalid SOS parameters", "Inconsistent progression")
"""The decoder takes the only parameters that a sequential JPEG may have; and whether a scan is missing is known before
(`adapters.images.files`): one may come twice."""
_NOT_FOR_TURBO: Final = ("Could not determine subsampling", "unknown JFIF revision", "Unknown Adobe color transform")
"""TurboJPEG takes no such header and OpenCV does. Such a JPEG is rare, and decoded without this check."""

_PADDING_BYTES_MAX: Final = 64
"""Before the end marker, of any content: less than a block of the picture takes. Padding of one value has no limit."""
_ALIGNMENT_BYTES_MAX: Final = 8
"""Before another marker: encoders fill up a word."""

_METADATA: Final = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
"""Markers of segments that change no pixel: all but JFIF's (APP0) and Adobe's (APP14), which name the colours."""


def decode_jpeg(value: bytes, colour: Literal["RGB", "BGR"]) -> Uint8:
    """The picture, uint8 [H, W, 3], as it lies in the file: no EXIF orientation is applied. Refused if data of it are
    missing or damaged."""
    looked_at, strict = value, True
    for _ in range(_LOOKS_MAX):
        try:
            picture: Uint8 = simplejpeg.decode_jpeg(looked_at, colour, strict=strict)
        except ValueError as error:
            warning = str(error)
        else:
            return picture
        if any(unknown in warning for unknown in _NOT_FOR_TURBO):
            return _by_opencv(value, colour)
        if _OF_HEADER.search(warning) and looked_at is value:
            looked_at = _bare(value)
        elif any(one in warning for one in _HARMLESS) or _is_alignment(warning):
            strict = False
        elif (without := _without_padding(looked_at, warning)) is not None:
            looked_at = without
        else:
            break
    raise not_an_image(value, f"picture data are missing or damaged; the JPEG decoder says: {warning}")


def upright(picture: Uint8, orientation: int) -> Uint8:
    """The picture turned by its EXIF orientation, 1 to 8."""
    if orientation >= 5:  # 5 to 8 swap width and height
        picture = cv2.transpose(picture).astype(np.uint8, copy=False)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return picture if flip is None else cv2.flip(picture, flip).astype(np.uint8, copy=False)


def _by_opencv(value: bytes, colour: str) -> Uint8:
    flags = cv2.IMREAD_COLOR_BGR if colour == "BGR" else cv2.IMREAD_COLOR_RGB
    picture = cv2.imdecode(np.frombuffer(value, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise not_an_image(value, "its content cannot be decoded")
    return picture.astype(np.uint8, copy=False)


def _is_alignment(warning: str) -> bool:
    found = _EXTRANEOUS.search(warning)
    return found is not None and found[2] != "d9" and int(found[1]) <= _ALIGNMENT_BYTES_MAX


def _without_padding(value: bytes, warning: str) -> bytes | None:
    """Without the bytes before the end marker that belong to no block; None where they are coded data, of which the
    decoder had too many."""
    found, end = _EXTRANEOUS.search(warning), jpeg_end(value)
    if found is None or found[2] != "d9" or end is None:
        return None
    begin = end - 2 - int(found[1])
    padding = value[begin : end - 2]
    if len(padding) > _PADDING_BYTES_MAX and padding.strip(padding[-1:]):
        return None
    return value[:begin] + value[end - 2 :]


def _bare(value: bytes) -> bytes:
    """Without metadata, and without bytes between the header's segments."""
    kept, at = [value[:2]], 2
    while (found := JPEG_NEXT.search(value, at)) is not None:
        marker, begin = value[found.end() - 1], found.start()
        if marker == JPEG_SCAN:
            return b"".join((*kept, value[begin:]))
        at = found.end() + int.from_bytes(value[found.end() : found.end() + 2], "big")
        if marker not in _METADATA:
            kept.append(value[begin:at])
    return value
