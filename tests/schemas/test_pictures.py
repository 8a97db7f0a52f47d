"""Which input takes a picture, in what layout, and what those beside it get: from shapes and settings alone."""

import msgspec
import numpy as np
import pytest

from schemas.errors import Refused
from schemas.models import GivenInput, ImageSettings, TensorSpec
from schemas.pictures.inputs import Shape, beside_arrays, boxes_are_on_the_picture, check_beside, picture_input

RGB = TensorSpec("x", "float32", (1, 3, 32, 32))
CHW = ImageSettings(layout="CHW")


def of(*shape: int | None, dtype: str = "float32") -> TensorSpec:
    return TensorSpec("x", dtype, shape)


@pytest.mark.parametrize(
    ("shape", "layout", "channels"),
    [
        ((1, 3, 32, 32), "CHW", 3),
        ((1, 32, 32, 3), "HWC", 3),
        ((None, None, None, 3), "HWC", 3),
        ((None, 3, None, None), "CHW", 3),
        ((None, 1, 28, 28), "CHW", 1),
        ((None, 28, 28, 1), "HWC", 1),
        ((None, 3, 32, 3), "CHW", 3),
        ((None, 1, 32, 3), "CHW", 1),
        ((None, 3, 32, 1), "CHW", 3),
        ((None, None, None, None), "CHW", 3),
    ],
)
@pytest.mark.parametrize("settings", [ImageSettings(), CHW], ids=["none", "an earlier catalog's default"])
def test_layout_and_channels_follow_the_inputs_shape(
    shape: Shape, layout: str, channels: int, settings: ImageSettings
) -> None:
    found = picture_input([of(*shape)], settings)
    assert (found.layout, found.channels) == (layout, channels)


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "uint8"])
def test_a_configured_layout_decides_where_the_shape_does_not(dtype: str) -> None:
    found = picture_input([of(None, 3, 32, 3, dtype=dtype)], ImageSettings(layout="HWC"))
    assert (found.layout, found.width, found.height) == ("HWC", 32, 3)
    assert picture_input([TensorSpec("x", dtype)], ImageSettings(colour="GRAY")).channels == 1


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        (of(1, 32, 32, 3), {"layout": "CHW", "width": 32}, r"\[1, 3, 32, 32\], layout CHW; .* \[1, 32, 32, 3\]: 32 ch"),
        (RGB, {"layout": "HWC"}, r"\[1, 3, 32, 3\], layout HWC; .* takes \[1, 3, 32, 32\]: 32 channels"),
        (RGB, {"width": 64}, r"\[1, 3, 32, 64\], layout CHW; .*takes \[1, 3, 32, 32\]: configure its layout, width"),
        (of(1, 3, 240, 320), {"width": 240, "height": 320}, r"\[1, 3, 320, 240\].*\[1, 3, 240, 320\]"),
        (of(None, 4, 28, 28), {}, r"takes \[\?, 4, 28, 28\]: 4 channels; pictures have 3, or 1 .*Python step"),
        (of(None, 28, 28, 6), {}, r"takes \[\?, 28, 28, 6\]: 28 channels; .*configure the layout HWC if"),
        (RGB, {"colour": "GRAY"}, "colour GRAY makes one channel; expected RGB or BGR"),
        (of(4, 3, 32, 32), {}, "first dimension is fixed at 4, and a picture is a request of its own"),
        (of(1, 3, 32, 32, dtype="int8"), {}, "is int8; a picture becomes float32, .*Python step"),
        (of(1, 3, 32, 32, dtype="int64"), {}, "is int64; a picture becomes"),
        (of(1, 3, 32, 32, dtype="uint8"), {"mean": (0.5,) * 3}, "uint8, which gets pixels .*mean .0.5, 0.5, 0.5"),
        (of(1, 3, 32, 32, dtype="uint8"), {"scale": 2.0}, "scale 2,"),
        (of(1, 3, 32, 32, dtype="float16"), {"scale": 300.0}, "float16, which does not reach so far: scale 300"),
        (of(1, 1, 8, 8), {"mean": (0.4, 0.5, 0.6)}, "one channel; mean .0.4, 0.5, 0.6. came: expected one number"),
        (of(None, 3, None, None), {"aspect": "crop", "width": 9}, "aspect crop expected a width and a height"),
        (of(3, 32, 32), {}, r"takes x \[3, 32, 32\]; expected one input of four dimensions"),
    ],
)
def test_an_input_that_the_picture_does_not_fit_is_refused_with_both(
    spec: TensorSpec, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        picture_input([spec], ImageSettings(**settings))  # type: ignore[arg-type]  # test's own words


def test_a_layout_that_a_user_says_is_not_taken_for_an_earlier_default() -> None:
    with pytest.raises(Refused, match="layout CHW"):
        picture_input([of(1, 32, 32, 3)], CHW, explicit=True)


def test_stored_settings_of_an_earlier_version_still_decode_and_go_on() -> None:
    stored = b"""{"width":32,"height":32,"colour":"BGR","scale":1.0,"mean":[0.0,0.0,0.0],"std":[1.0,1.0,1.0],
        "layout":"CHW","aspect":"letterbox","exif":true}"""
    settings = msgspec.json.decode(stored, type=ImageSettings)
    assert (settings.pad, settings.place, settings.inputs, settings.is_default) == ((0, 0, 0), "upper-left", (), False)
    assert picture_input([RGB], settings).layout == "CHW"


# --- beside it --------------------------------------------------------------------------------


def beside(spec: TensorSpec, *values: str | float, **settings: object) -> np.ndarray:
    """What `spec` gets beside a picture of 80 x 48 in an input of 64 x 64."""
    image = ImageSettings(inputs=(GivenInput(spec.name, values),), **settings)  # type: ignore[arg-type]
    picture = TensorSpec("images", "float32", (None, 3, 64, 64))
    (found,) = beside_arrays([picture, spec], image, (80, 48), (64, 64)).values()
    assert found.dtype == np.dtype(spec.dtype)
    return found


@pytest.mark.parametrize(
    ("dtype", "shape", "values", "wanted"),
    [
        ("int64", (None, 2), ("width", "height"), [[80, 48]]),
        ("int32", (1, 2), ("height", "width"), [[48, 80]]),
        ("float32", (2,), ("input_height", "input_width"), [64, 64]),
        ("float32", (None,), ("width", "height"), [80, 48]),
        ("float64", (None, 2), ("scale_y", "scale_x"), [[64 / 48, 0.8]]),
        ("float32", (None, 4), ("width", "height", 1.0, 0.5), [[80, 48, 1, 0.5]]),
        ("int64", (), ("width",), 80),
        ("int64", (None, 1), ("height",), [[48]]),
        ("bool", (1,), (1.0,), [True]),
        ("uint8", (None, 2, 2), (1.0,), [[[1, 1], [1, 1]]]),
        ("float32", None, ("width", "height"), [[80, 48]]),
        ("int64", (None, None), ("width", "height"), [[80, 48]]),
    ],
)
def test_an_input_beside_the_picture_gets_its_values_in_its_dtype_and_shape(
    dtype: str, shape: Shape | None, values: tuple[str | float, ...], wanted: object
) -> None:
    assert beside(TensorSpec("size", dtype, shape), *values).tolist() == wanted


def test_a_letterboxed_pictures_scale_is_the_same_in_both_directions() -> None:
    spec = TensorSpec("scale", "float32", (None, 2))
    assert beside(spec, "scale_x", "scale_y", aspect="letterbox").tolist() == [[np.float32(0.8)] * 2]


@pytest.mark.parametrize(
    ("dtype", "shape", "values", "message"),
    [
        ("int64", (None, 2), ("width",) * 3, r"size takes \[\?, 2\], 3 values came: width, width, width"),
        ("int64", (None, 4), ("width", "height"), r"takes \[\?, 4\], 2 values came"),
        ("int64", (None, None, None), (1.0,), r"takes \[\?, \?, \?\], 1 value came"),
        ("int64", (None, 2), ("scale_x", "scale_y"), "size is int64, which cannot hold 0.8"),
        ("uint8", (None, 2), ("width", 300.0), "size is uint8, which cannot hold 80, 300"),
        ("float16", (None, 2), ("width", 1e9), "size is float16, which cannot hold"),
        ("string", (None, 2), ("width", "height"), "size is string; expected an input of numbers"),
    ],
)
def test_values_that_do_not_fit_an_input_are_refused(
    dtype: str, shape: Shape, values: tuple[str | float, ...], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        beside(TensorSpec("size", dtype, shape), *values)


def test_an_input_that_gets_nothing_is_named_with_the_ways_to_feed_it() -> None:
    specs = [TensorSpec("images", "float32", (None, 3, 64, 64)), TensorSpec("size", "int64", (None, 2))]
    with pytest.raises(Refused, match=r"goes to images, and size \[\?, 2\] gets nothing; .*configure.*Python step"):
        check_beside(specs, ImageSettings())
    with pytest.raises(Refused, match=r"inputs: \['sise'\]; the picture goes to images, beside it are: size"):
        check_beside(specs, ImageSettings(inputs=(GivenInput("sise", ("width",)),)))


def test_of_two_pictures_one_must_be_given_otherwise() -> None:
    pair = [TensorSpec(name, "float32", (None, 3, 8, 8)) for name in ("left", "right")]
    with pytest.raises(Refused, match=r"takes left \[\?, 3, 8, 8\], right .*expected one input of four dimensions"):
        picture_input(pair, ImageSettings())
    settings = ImageSettings(inputs=(GivenInput("right", (0.0,)),))
    assert picture_input(pair, settings).spec.name == "left"
    assert beside_arrays(pair, settings, (8, 8), (8, 8))["right"].shape == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("values", "on_it"),
    [((), False), (("width", "height"), True), (("scale_x", 1.0), True), (("input_width", 1.0), False)],
)
def test_a_model_that_gets_the_pictures_size_gives_boxes_on_it(values: tuple[str | float, ...], on_it: bool) -> None:
    settings = ImageSettings(inputs=(GivenInput("size", values),) if values else ())
    assert boxes_are_on_the_picture(settings) == on_it
