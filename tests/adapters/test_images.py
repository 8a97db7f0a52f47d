"""An encoded image becomes the model's tensor, bit for bit by the tutorial's rule, or is refused."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from adapters.images.decode import decode_image, image_tensor, picture_size
from examples.shelf import render_shelf
from schemas.errors import Refused
from schemas.models import ImageSettings, TensorSpec
from tests.reading import bits, read_file

SPEC = TensorSpec("tensor", "float32", (1, 3, 480, 640))
DEFAULT = ImageSettings()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A rendered shelf, RGB: no random array is called a frame."""
    return render_shelf(seed=1).image


def encoded(picture: np.ndarray, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind, **how)
    return out.getvalue()


def tensor(value: bytes, settings: ImageSettings = DEFAULT, spec: TensorSpec = SPEC) -> np.ndarray:
    return image_tensor(decode_image(value, settings), settings, spec)


def by_the_rule(picture: np.ndarray) -> np.ndarray:
    """The tutorial's rule, written out the slow way."""
    resized = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (640, 480))
    rgb = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)
    return (rgb.transpose(2, 0, 1)[None] / 255.0).astype(np.float32)


def test_the_tutorials_tensors_are_met_bit_for_bit(shared: Path) -> None:
    folder = shared / "cases/image_preprocess"
    expected = json.loads((folder / "expected.json").read_text())
    for name, rows in expected["rows"].items():
        path = folder / name
        if not path.exists():
            path = folder / "dairy_bottles_640x480.png"
        got = tensor(path.read_bytes())
        for row in rows:
            line = got[0, row["c"], row["row"]]
            for edge, values in (("first5", line[:5]), ("last5", line[-5:])):
                assert values == pytest.approx(np.asarray(row[edge], np.float32), abs=1e-9), (name, row)


def test_the_tutorials_own_frame_gives_its_own_tensor(shared: Path) -> None:
    folder = shared / "cases/image_preprocess"
    wanted = bits(read_file(folder / "dairy_bottles_test_table.arrow"), 0).astype(np.float32)
    got = tensor((folder / "dairy_bottles_640x480.png").read_bytes())
    assert got.ravel().tobytes() == wanted.tobytes()


@pytest.mark.parametrize(("kind", "how"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_lossless_formats_give_the_rule_bit_for_bit(picture: np.ndarray, kind: str, how: dict[str, object]) -> None:
    assert tensor(encoded(picture, kind, **how)).tobytes() == by_the_rule(picture).tobytes()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_decodes_as_pillow_decodes_it(picture: np.ndarray, progressive: bool) -> None:
    value = encoded(picture, "JPEG", quality=85, progressive=progressive)
    decoded = np.asarray(Image.open(io.BytesIO(value)).convert("RGB"))
    assert tensor(value).tobytes() == by_the_rule(decoded).tobytes()


def test_an_exif_orientation_is_applied_unless_a_setting_turns_it_off(picture: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    value = encoded(picture, "JPEG", quality=95, exif=exif)
    plain = encoded(picture, "JPEG", quality=95)
    turned = decode_image(value, DEFAULT)
    assert turned.shape == (640, 480, 3)
    assert np.array_equal(turned, np.rot90(decode_image(plain, DEFAULT), -1))
    assert np.array_equal(decode_image(value, ImageSettings(exif=False)), decode_image(plain, DEFAULT))


@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_pictures_size_is_that_which_it_decodes_to(picture: np.ndarray, kind: str, orientation: int | None) -> None:
    how = {}
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        how["exif"] = exif
    value = encoded(picture, kind, **how)
    height, width = decode_image(value, DEFAULT).shape[:2]
    assert picture_size(value) == (width, height)
    with pytest.raises(Refused):
        picture_size(value[: len(value) // 2])


def test_alpha_is_dropped_and_grey_becomes_three_channels(picture: np.ndarray) -> None:
    alpha = np.dstack([picture, np.full(picture.shape[:2], 9, np.uint8)])
    assert np.array_equal(decode_image(encoded(alpha, "PNG"), DEFAULT), picture)
    grey = decode_image(encoded(picture[:, :, 0].copy(), "PNG"), DEFAULT)
    assert np.array_equal(grey, np.dstack([picture[:, :, 0]] * 3))


def test_sixteen_bits_become_eight(picture: np.ndarray) -> None:
    wide = picture.astype(np.uint16) * 257
    ok, value = cv2.imencode(".png", wide[:, :, ::-1])
    assert ok
    assert np.array_equal(decode_image(value.tobytes(), DEFAULT), picture)


def test_mean_std_order_and_layout_follow_the_settings(picture: np.ndarray) -> None:
    settings = ImageSettings(colour="BGR", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), layout="HWC")
    got = tensor(encoded(picture, "PNG"), settings, TensorSpec("x", "float32", (None, None, None, 3)))
    wanted = (picture[:, :, ::-1] / 255.0 - settings.mean) / settings.std
    assert got.shape == (1, 480, 640, 3)
    assert np.array_equal(got[0], wanted.astype(np.float32))


def test_size_comes_from_the_settings_then_the_model_then_the_picture(picture: np.ndarray) -> None:
    value = encoded(picture, "PNG")
    free = TensorSpec("x", "float32", (None, 3, None, None))
    assert tensor(value, DEFAULT, free).shape == (1, 3, 480, 640)
    assert tensor(value, ImageSettings(width=320, height=96), free).shape == (1, 3, 96, 320)
    assert tensor(value, DEFAULT, TensorSpec("x", "float32", (1, 3, 64, 32))).shape == (1, 3, 64, 32)


def test_letterbox_keeps_the_aspect_and_pads_right_and_below(picture: np.ndarray) -> None:
    settings = ImageSettings(width=640, height=640, aspect="letterbox")
    got = tensor(encoded(picture, "PNG"), settings, TensorSpec("x", "float32", (1, 3, 640, 640)))
    assert np.array_equal(got[0, :, :480], by_the_rule(picture)[0])
    assert not got[0, :, 480:].any()


def test_padding_has_its_value_before_scale_and_mean_and_lies_on_both_sides_of_a_centred_picture() -> None:
    wide = encoded(np.full((9, 18, 3), 255, np.uint8), "PNG")
    spec = TensorSpec("x", "float32", (1, 3, 12, 12))
    plain: dict[str, Any] = {"aspect": "letterbox", "scale": 1.0, "pad": (10, 20, 30)}
    below = tensor(wide, ImageSettings(**plain), spec)
    middle = tensor(wide, ImageSettings(**plain, place="centre", mean=(1.0, 2.0, 3.0), std=(2.0, 2.0, 2.0)), spec)
    for channel, pad in enumerate((10, 20, 30)):
        assert below[0, channel, :, 5].tolist() == [255] * 6 + [pad] * 6
        pads, pixels = (pad - channel - 1) / 2, (255 - channel - 1) / 2
        assert middle[0, channel, :, 5].tolist() == [pads] * 3 + [pixels] * 6 + [pads] * 3
        assert tensor(wide, ImageSettings(**plain, colour="BGR"), spec)[0, channel, 11, 0] == pad


def test_a_crop_is_the_middle_of_the_picture_with_its_shorter_side_resized(picture: np.ndarray) -> None:
    settings = ImageSettings(aspect="crop", resize_shorter=256, scale=1.0)
    got = tensor(encoded(picture, "PNG"), settings, TensorSpec("x", "float32", (1, 3, 224, 224)))
    resized = cv2.resize(picture, (341, 256))
    assert np.array_equal(got[0].transpose(1, 2, 0), resized[16:240, 58:282])
    covering = tensor(encoded(picture, "PNG"), ImageSettings(aspect="crop"), TensorSpec("x", "uint8", (1, 96, 96, 3)))
    assert np.array_equal(covering[0], cv2.resize(picture, (128, 96))[:, 16:112])


def test_a_crop_that_would_resize_a_thread_to_gigabytes_is_refused() -> None:
    settings = ImageSettings(aspect="crop", resize_shorter=256)
    with pytest.raises(Refused, match="1 x 2000 pixels, resized to 256 x 512000 before the crop") as refused:
        tensor(encoded(np.zeros((2000, 1, 3), np.uint8), "PNG"), settings, TensorSpec("x", "float32", (1, 3, 224, 224)))
    assert refused.value.error == "ImageTooLarge"


@pytest.mark.parametrize("colour", ["RGB", "BGR", "GRAY"])
def test_an_input_of_one_channel_gets_grey_and_a_grey_files_own_values(picture: np.ndarray, colour: Any) -> None:
    spec, settings = TensorSpec("x", "uint8", (None, 1, 480, 640)), ImageSettings(colour=colour)
    got = tensor(encoded(picture, "PNG"), settings, spec)
    assert got.shape == (1, 1, 480, 640)
    wanted = picture.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(got[0, 0] - wanted).max() < 0.51
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    whole = tensor(encoded(grey, "PNG"), settings, TensorSpec("x", "float32", (1, 16, 16, 1)))
    assert np.array_equal(whole[0, :, :, 0], (grey / 255.0).astype(np.float32))


def test_a_grey_letterbox_and_crop_have_one_channel_too(picture: np.ndarray) -> None:
    value = encoded(picture, "PNG")
    boxed = tensor(value, ImageSettings(aspect="letterbox", pad=(9, 9, 9)), TensorSpec("x", "uint8", (1, 1, 64, 64)))
    assert (boxed[0, 0, 48:] == 9).all()
    cut = tensor(value, ImageSettings(aspect="crop"), TensorSpec("x", "uint8", (1, 1, 48, 48)))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    assert np.array_equal(boxed[0, 0, :48], cv2.resize(grey, (64, 48)))
    assert np.array_equal(cut[0, 0], cv2.resize(grey, (64, 48))[:, 8:56])


@pytest.mark.parametrize(("shape", "axes"), [((1, 480, 640, 3), (0, 1, 2)), ((1, 3, 480, 640), (2, 0, 1))])
def test_an_input_of_uint8_gets_the_pixels_as_they_are(
    picture: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    got = tensor(encoded(picture, "PNG"), DEFAULT, TensorSpec("x", "uint8", shape))
    assert got.dtype == np.uint8
    assert np.array_equal(got[0], picture.transpose(axes))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_any_width_are_computed_in_float64_and_rounded_once(picture: np.ndarray, dtype: str) -> None:
    settings = ImageSettings(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    got = tensor(encoded(picture, "PNG"), settings, TensorSpec("x", dtype, (1, 480, 640, 3)))
    wanted = ((picture / 255.0 - settings.mean) / settings.std).astype(dtype)
    assert (got.dtype, got[0].tobytes()) == (wanted.dtype, wanted.tobytes())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_a_truncated_image_is_refused(picture: np.ndarray, kind: str, share: float) -> None:
    value = encoded(picture, kind)
    with pytest.raises(Refused) as refused:
        decode_image(value[: int(len(value) * share)], DEFAULT)
    assert refused.value.error == "NotAnImage"


@pytest.mark.parametrize("value", [b"", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"])
def test_what_is_no_image_is_refused_with_what_came(value: bytes) -> None:
    with pytest.raises(Refused, match="not a whole JPEG, PNG or WebP") as refused:
        decode_image(value, DEFAULT)
    assert (refused.value.error, refused.value.stage) == ("NotAnImage", "decode")


def test_a_few_bytes_that_claim_a_giant_picture_are_refused_before_decoding() -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    bomb += struct.pack(">I", 0) + b"IEND\xaeB`\x82"
    with pytest.raises(Refused, match="30000 x 30000 pixels") as refused:
        decode_image(bomb, DEFAULT)
    assert refused.value.error == "ImageTooLarge"


def progressive(picture: np.ndarray, scans_more: int = 0, between: bytes = b"") -> bytes:
    """A progressive JPEG whose last scan, a few bytes long, stands there so many times more."""
    value = encoded(picture, "JPEG", progressive=True)
    scan, end = value.rfind(b"\xff\xda"), value.rfind(b"\xff\xd9")
    return value[:end] + between + value[scan:end] * scans_more + value[end:]


@pytest.mark.parametrize("between", [b"", b"\xff\xfe\x00\x04\xff\xd9"], ids=["plain", "behind a false end"])
def test_a_jpeg_that_goes_over_its_picture_again_and_again_is_refused_before_decoding(between: bytes) -> None:
    grey = np.zeros((16, 16), np.uint8)
    assert decode_image(progressive(grey, 50, between), DEFAULT).shape == (16, 16, 3)
    with pytest.raises(Refused, match="more than 100 times") as refused:
        decode_image(progressive(grey, 200, between), DEFAULT)
    assert refused.value.error == "ImageTooLarge"


def test_what_is_appended_to_a_photo_are_no_scans(picture: np.ndarray) -> None:
    value = encoded(picture, "JPEG", progressive=True)
    appended = value + b"\xff\xda" * 1000
    assert np.array_equal(decode_image(appended, DEFAULT), decode_image(value, DEFAULT))


def test_a_progressive_jpeg_may_have_half_the_pixels_because_decoding_keeps_more_of_it(picture: np.ndarray) -> None:
    size = struct.pack(">HH", *picture.shape[:2])
    for how, pixels_max in (({}, 67_108_864), ({"progressive": True}, 33_554_432)):
        value = encoded(picture, "JPEG", **how)
        assert value.count(size) == 1
        with pytest.raises(Refused, match=f"10000 x 8000 pixels; expected at most {pixels_max}") as refused:
            decode_image(value.replace(size, struct.pack(">HH", 8_000, 10_000)), DEFAULT)
        assert refused.value.error == "ImageTooLarge"


@pytest.mark.parametrize("filling", [b"\xff" * 4_000_000, b"\xff\xfe\x00\x02" * 1_000_000], ids=["fill", "comments"])
def test_a_jpeg_of_nothing_but_markers_is_refused(filling: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode_image(b"\xff\xd8" + filling, DEFAULT)
    assert refused.value.error == "NotAnImage"
