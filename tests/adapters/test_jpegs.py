"""A JPEG decodes to the pixels of OpenCV, bit for bit. One that lacks data is refused, and several in one value are."""

import io
import re
import struct
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from adapters.images.decode import decode_image, picture_size
from adapters.images.jpeg_series import jpeg_end
from examples.shelf import render_shelf
from schemas.errors import Refused
from schemas.models import ImageSettings

DEFAULT = ImageSettings()
PICTURE = cv2.resize(np.asarray(render_shelf(seed=1).image), (320, 240)).astype(np.uint8)
END = b"\xff\xd9"


def encoded(kind: str = "JPEG", mode: str = "RGB", picture: np.ndarray = PICTURE, **how: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(out, kind, **how)
    return out.getvalue()


def opencv(value: bytes, settings: ImageSettings) -> np.ndarray:
    flags = cv2.IMREAD_COLOR_BGR if settings.colour == "BGR" else cv2.IMREAD_COLOR_RGB
    decoded = cv2.imdecode(
        np.frombuffer(value, np.uint8), flags | (0 if settings.exif else cv2.IMREAD_IGNORE_ORIENTATION)
    )
    assert decoded is not None
    return np.asarray(decoded)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def restarts(value: bytes) -> list[int]:
    return [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", value)]


def scans(value: bytes) -> list[int]:
    return [found.start() for found in re.finditer(b"\xff\xda", value)]


def oriented(orientation: int, order: str = "II") -> bytes:
    sign = "<" if order == "II" else ">"
    entry = struct.pack(f"{sign}HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = order.encode() + struct.pack(f"{sign}HIH", 42, 8, 1) + entry + bytes(4)
    value = encoded()
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
    return value[:2] + xmp + segment(0xE1, b"Exif\0\0" + tiff) + value[2:]


BASE = encoded(quality=90)
RESTART = encoded(restart_marker_rows=1)
PROGRESSIVE = encoded(progressive=True)
CMYK = encoded(mode="CMYK")
ADOBE = CMYK.index(b"Adobe")

KINDS: dict[str, bytes] = {
    "4:4:4": encoded(subsampling="4:4:4"),
    "4:2:2": encoded(subsampling="4:2:2"),
    "4:2:0": encoded(subsampling="4:2:0"),
    "4:1:1": encoded(subsampling="4:1:1"),
    "progressive": PROGRESSIVE,
    "optimized": encoded(optimize=True),
    "restarts": RESTART,
    "grey": encoded(mode="L"),
    "RGB within": encoded(keep_rgb=True),
    "CMYK": CMYK,
    "YCCK": CMYK[: ADOBE + 11] + b"\x02" + CMYK[ADOBE + 12 :],
    "odd size": encoded(picture=PICTURE[:237, :313]),
    "one pixel": encoded(picture=PICTURE[:1, :1]),
    "a subsampling that only OpenCV knows": encoded(subsampling="4:2:0").replace(
        b"\x01\x22\x00\x02\x11", b"\x01\x42\x00\x02\x11"
    ),
    **{f"orientation {number}": oriented(number) for number in range(10)},
    "orientation 6, the other byte order": oriented(6, "MM"),
    "EXIF cut off": BASE[:2] + segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x09\0") + BASE[2:],
}


@pytest.mark.parametrize("settings", [ImageSettings(colour=c, exif=e) for c in ("RGB", "BGR") for e in (True, False)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_decodes_as_opencv_decodes_it(kind: str, settings: ImageSettings) -> None:
    assert np.array_equal(decode_image(KINDS[kind], settings), opencv(KINDS[kind], settings))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpegs_size_is_upright(orientation: int) -> None:
    height, width = decode_image(oriented(orientation), DEFAULT).shape[:2]
    assert picture_size(oriented(orientation)) == (width, height) == ((240, 320) if orientation >= 5 else (320, 240))


def third(value: bytes) -> int:
    return len(value) // 3


DAMAGED: dict[str, bytes] = {
    "a third, without end marker": BASE[: third(BASE)],
    "a third, with end marker": BASE[: third(BASE)] + END,
    "a third, with end marker and padding": BASE[: third(BASE)] + bytes(40) + END,
    "the middle third left out": BASE[: third(BASE)] + BASE[2 * third(BASE) :],
    "the middle left out, padding before the end": BASE[: third(BASE)] + BASE[2 * third(BASE) : -2] + bytes(500) + END,
    "a third twice": BASE[: 2 * third(BASE)] + BASE[third(BASE) :],
    "a hole, and a photo's thumbnail behind": BASE[: third(BASE)]
    + END
    + b"thumbnail"
    + encoded(picture=PICTURE[:60, :80]),
    "one restart interval left out": RESTART[: restarts(RESTART)[3]] + RESTART[restarts(RESTART)[4] :],
    "eight restart intervals left out": RESTART[: restarts(RESTART)[3]] + RESTART[restarts(RESTART)[11] :],
    "a restart of another number": RESTART[: restarts(RESTART)[3] + 1] + b"\xd7" + RESTART[restarts(RESTART)[3] + 2 :],
    "a hole over a restart": RESTART[: restarts(RESTART)[3] + 50] + RESTART[restarts(RESTART)[5] + 50 :],
    "progressive, a hole": PROGRESSIVE[: third(PROGRESSIVE)] + PROGRESSIVE[third(PROGRESSIVE) + 1000 :],
    "progressive, its first scan alone": PROGRESSIVE[: scans(PROGRESSIVE)[1]] + END,
    "progressive, without its last scan": PROGRESSIVE[: scans(PROGRESSIVE)[-1]] + END,
    "progressive, without a scan between": PROGRESSIVE[: scans(PROGRESSIVE)[4]] + PROGRESSIVE[scans(PROGRESSIVE)[5] :],
    "cut off, and the next one behind": BASE[: third(BASE)] + BASE,
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_jpeg_of_which_picture_data_are_missing_is_refused(how: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refused, match=r"missing or damaged|cut off") as refused:
        decode_image(DAMAGED[how], DEFAULT)
    assert (refused.value.error, refused.value.stage) == ("NotAnImage", "decode")
    assert capfd.readouterr().err == "", "the decoder writes nothing of its own"


SCAN = BASE.index(b"\xff\xda")
WHOLE: dict[str, bytes] = {
    "bytes behind its end": BASE + bytes(500),
    "noise behind its end": BASE + np.random.default_rng(0).bytes(5_000),
    "a film behind its end": BASE + b"\0\0\0\x18ftypmp42" + np.random.default_rng(1).bytes(5_000),
    "some bytes before its end": BASE[:-2] + bytes(range(1, 21)) + END,
    "padding before its end": BASE[:-2] + bytes(10_000) + END,
    "fill bytes before its end": BASE[:-2] + b"\xff" * 100 + END,
    "a byte before each restart": re.sub(rb"(\xff[\xd0-\xd7])", rb"\0\1", RESTART),
    "a broken ICC profile": BASE[:2] + segment(0xE2, b"ICC_PROFILE\0\x01\x02broken") + BASE[2:],
    "a broken ICC profile and padding": BASE[:2]
    + segment(0xE2, b"ICC_PROFILE\0\x01\x02broken")
    + BASE[2:-2]
    + bytes(99)
    + END,
    "an ICC profile": encoded(
        quality=90, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ),
    "another JFIF revision": BASE.replace(b"JFIF\0\x01", b"JFIF\0\x09", 1),
    "parameters of a progressive scan": BASE[: SCAN + 11] + b"\0\0\0" + BASE[SCAN + 14 :],
    "a scan that comes twice": PROGRESSIVE[:-2] + PROGRESSIVE[scans(PROGRESSIVE)[-1] :],
}


@pytest.mark.parametrize("how", WHOLE)
def test_padding_and_odd_metadata_are_no_reason_to_refuse_a_jpeg(how: str) -> None:
    assert np.array_equal(decode_image(WHOLE[how], DEFAULT), opencv(WHOLE[how], DEFAULT))


def animated(kind: str, count: int) -> bytes:
    more = [Image.fromarray(np.full_like(PICTURE, 20 * number)) for number in range(1, count)]
    return encoded(kind, save_all=True, append_images=more)


BOUNDARY = b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 9\r\n\r\n"
SEVERAL: dict[str, tuple[bytes, str]] = {
    "JPEGs": (BASE * 5, "5 JPEGs one after the other"),
    "JPEGs, padding between": ((BASE + bytes(30)) * 3, "3 JPEGs one after the other"),
    "JPEGs of a multipart stream": (BOUNDARY.join([BASE] * 4), "4 JPEGs one after the other"),
    "progressive JPEGs": (PROGRESSIVE * 2, "2 JPEGs one after the other"),
    "PNGs": (encoded("PNG") * 2, "2 PNGs one after the other"),
    "WebPs": (encoded("WEBP") * 3, "3 WebPs one after the other"),
    "an animated PNG": (animated("PNG", 3), "3 pictures of an animated PNG"),
    "an animated WebP": (animated("WEBP", 3), "3 pictures of an animated WebP"),
}


@pytest.mark.parametrize("what", SEVERAL)
def test_several_pictures_in_one_value_are_refused(what: str) -> None:
    value, said = SEVERAL[what]
    for read in (lambda: decode_image(value, DEFAULT), lambda: picture_size(value)):
        with pytest.raises(Refused, match=f"{said} in one value; expected one picture") as refused:
            read()
        assert refused.value.error == "NotAnImage"


GREY = encoded(mode="L")
ONE: dict[str, Callable[[], bytes]] = {
    "an MPO, whose second picture is as large": lambda: encoded(
        "MPO", save_all=True, append_images=[Image.fromarray(PICTURE[::-1].copy())]
    ),
    "a depth map of the same size behind it": lambda: BASE + GREY,
    "a smaller picture behind it": lambda: BASE + encoded(picture=PICTURE[:120, :160]),
    "a JPEG within other bytes behind it": lambda: BASE + b"\x01\x0aMotionPhoto_Data" + BASE,
    "a thumbnail in its EXIF": lambda: BASE[:2] + segment(0xE1, b"Exif\0\0" + BASE[:30_000]) + BASE[2:],
    "a comment that reads like an end, between its scans": lambda: (
        PROGRESSIVE[: scans(PROGRESSIVE)[0]] + segment(0xFE, END + BASE[:20]) + PROGRESSIVE[scans(PROGRESSIVE)[0] :]
    ),
    "an animation of one picture": lambda: encoded("WEBP", save_all=True, lossless=True),
}


@pytest.mark.parametrize("what", ONE)
def test_one_picture_with_other_bytes_stays_one(what: str) -> None:
    assert np.array_equal(decode_image(ONE[what](), DEFAULT), opencv(ONE[what](), DEFAULT))


@pytest.mark.parametrize(
    "value", [BASE, PROGRESSIVE, RESTART, GREY, CMYK], ids=["base", "progressive", "rst", "grey", "cmyk"]
)
def test_a_jpegs_end_is_where_its_last_byte_lies(value: bytes) -> None:
    assert jpeg_end(value) == jpeg_end(value + b"more") == jpeg_end(b"before" + value, 6) - 6 == len(value)  # type: ignore[operator]
    assert jpeg_end(value[:-2] + value) == len(value) - 2, "without its end marker it ends where the next begins"
    for share in (0.1, 0.5, 0.99):
        assert jpeg_end(value[: int(share * len(value))]) is None
