"""`configure(image=...)`: what it takes, and what it refuses for which model; and `deploy()`, of what is stored."""

from typing import Any

import msgspec
import pytest

from schemas.models import GivenInput, ImageSettings, PinnedModel, TensorSpec
from schemas.pipelines import ModelStep, ShadowDeploy
from sparring.deployment.configure import configuration
from sparring.deployment.image_settings import image_settings
from sparring.deployment.version_checks import check_pictures
from sparring.replay.input_sizes import input_size
from tests.nouns import pinned, pipeline_version

PICTURE = TensorSpec("images", "float32", (None, 3, 64, 64))
SIZES = TensorSpec("orig_target_sizes", "int64", (None, 2))
NHWC = TensorSpec("x", "float32", (1, 32, 32, 3))


def model(*inputs: TensorSpec) -> PinnedModel:
    plain = pinned("m")
    return PinnedModel(msgspec.structs.replace(plain.model, inputs=inputs), plain.configuration)


def configured(*inputs: TensorSpec, **image: Any) -> PinnedModel:
    """As `configure(image=...)` would pin it."""
    of = model(*inputs).model
    return PinnedModel(of, configuration(of, image=image))


@pytest.mark.parametrize(
    ("image", "field", "wanted"),
    [
        ({"pad": 114}, "pad", (114, 114, 114)),
        ({"pad": [1, 2, 3]}, "pad", (1, 2, 3)),
        ({"mean": 0.5, "std": [0.25]}, "mean", (0.5, 0.5, 0.5)),
        ({"mean": 0.5, "std": [0.25]}, "std", (0.25, 0.25, 0.25)),
        ({"colour": "GRAY"}, "colour", "GRAY"),
        ({}, "layout", None),
        ({"inputs": {"a": "width, height"}}, "inputs", (GivenInput("a", ("width", "height")),)),
        ({"inputs": {"a": ["height", 2, 0.5]}}, "inputs", (GivenInput("a", ("height", 2.0, 0.5)),)),
        ({"inputs": {"a": 1, "b": "0,1.5"}}, "inputs", (GivenInput("a", (1.0,)), GivenInput("b", (0.0, 1.5)))),
    ],
)
def test_settings_are_stored_in_one_form(image: dict[str, Any], field: str, wanted: object) -> None:
    settings = image_settings({"aspect": "letterbox"} | image)
    assert getattr(settings, field) == wanted
    assert image_settings(settings) == settings


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        ({"pad": 256, "aspect": "letterbox"}, ValueError, r"pad \[256, 256, 256\]; expected pixels, 0 to 255"),
        (
            {"pad": 114},
            ValueError,
            r"pad \[114, 114, 114\] with aspect 'stretch'; expected aspect 'letterbox' or 'crop'",
        ),
        ({"place": "centre"}, ValueError, "place 'centre' with aspect 'stretch'; expected aspect 'letterbox'"),
        (
            {"place": "middle", "aspect": "letterbox"},
            ValueError,
            "image: place 'middle'; expected one of 'upper-left', 'centre'",
        ),
        ({"rounding": "down", "aspect": "crop"}, ValueError, "rounding 'down' with aspect 'crop'"),
        ({"resize_shorter": 256, "aspect": "letterbox"}, ValueError, "resize_shorter 256 with aspect 'letterbox'"),
        ({"resize_shorter": 0, "aspect": "crop"}, ValueError, "resize_shorter 0; expected 1 to 65535 pixels"),
        ({"inputs": "width,height"}, TypeError, "inputs: str; expected a mapping of inputs"),
        ({"inputs": {"a": "breadth"}}, ValueError, "inputs: a: 'breadth'; expected numbers, or some of width, height"),
        ({"inputs": {"a": []}}, ValueError, r"inputs: a: \[\]; expected numbers"),
        ({"inputs": {"a": "nan"}}, ValueError, "inputs: a: 'nan'; expected numbers"),
        ({"mean": "0.5"}, ValueError, "image: mean '0.5'; expected a list of three, each a number"),
    ],
)
def test_settings_that_mean_nothing_are_refused(image: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        image_settings(image)


@pytest.mark.parametrize(
    ("inputs", "image", "message"),
    [
        ([NHWC], {"layout": "CHW"}, r"\[1, 3, 32, 3\], layout CHW; input 'x' takes \[1, 32, 32, 3\]: 32 channels"),
        ([NHWC], {"width": 64}, r"\[1, 32, 64, 3\], layout HWC; input 'x' takes \[1, 32, 32, 3\]"),
        ([TensorSpec("x", "float32", (1, 4, 8, 8))], {}, "4 channels; pictures have 3, or 1"),
        ([TensorSpec("x", "int8", (1, 3, 8, 8))], {"width": 8}, "input 'x' is int8; .*Python step"),
        ([TensorSpec("x", "uint8", (1, 3, 8, 8))], {"scale": 1 / 127.5}, "uint8, which gets pixels from 0 to 255"),
        ([PICTURE, SIZES], {"width": 64}, r"orig_target_sizes \[\?, 2\] gets nothing"),
        ([PICTURE, SIZES], {"inputs": {"sizes": "width,height"}}, r"inputs: \['sizes'\]; the picture goes to images"),
        ([PICTURE, SIZES], {"inputs": {"orig_target_sizes": "width"}}, "1 value came: width"),
        ([PICTURE, SIZES], {"inputs": {"orig_target_sizes": "width,height,1"}}, "3 values came: width, height, 1.0"),
        ([PICTURE, SIZES], {"inputs": {"orig_target_sizes": "scale_x,scale_y"}}, "int64, which cannot hold 0.0998"),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused_at_configure(
    inputs: list[TensorSpec], image: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"image: .*{message}"):
        configured(*inputs, **image)


def test_a_model_that_takes_tables_only_has_nothing_that_settings_could_contradict() -> None:
    assert configured(TensorSpec("x", "float32", (None, 2)), width=640).configuration.image.width == 640


def test_a_flat_input_of_several_values_cannot_be_batched_with_other_requests() -> None:
    flat = TensorSpec("size", "int64", (None,))
    of = model(PICTURE, flat).model
    with pytest.raises(ValueError, match=r"inputs: size has one dimension, which holds 2 values .*batch_rows_max 4"):
        configuration(of, image={"inputs": {"size": "width,height"}}, batch_rows_max=4)


# --- deploy -----------------------------------------------------------------------------------


def earlier(spec: TensorSpec, **image: Any) -> PinnedModel:
    """As a client of an earlier version stored it: unchecked, with the layout CHW."""
    of = model(spec)
    settings = ImageSettings(layout="CHW", **image)
    return PinnedModel(of.model, msgspec.structs.replace(of.configuration, image=settings))


@pytest.mark.parametrize("champion", [True, False], ids=["champion", "challenger"])
def test_deploy_refuses_stored_settings_that_scrambled_a_picture(champion: bool) -> None:
    wrong, right = earlier(NHWC, width=32, height=32), earlier(PICTURE)
    pair = (wrong, right) if champion else (right, wrong)
    version = pipeline_version(ShadowDeploy(pair[0], (pair[1],)))
    with pytest.raises(
        ValueError, match=r"settings of m do not fit it, configure\(image=...\).*layout CHW; .*'x' takes"
    ):
        check_pictures(version)


@pytest.mark.parametrize(
    "stored",
    [
        earlier(NHWC),
        earlier(TensorSpec("x", "int8", (1, 3, 8, 8))),
        earlier(TensorSpec("x", "float32", (None, 2)), width=640),
        earlier(PICTURE, width=64, aspect="letterbox"),
        model(PICTURE, SIZES),
    ],
    ids=["nothing said", "int8, for tables", "no picture input", "what fits", "two inputs, for tables"],
)
def test_deploy_takes_what_an_earlier_version_took_where_it_fits_or_no_picture_may_come(stored: PinnedModel) -> None:
    check_pictures(pipeline_version(ModelStep(stored)))


def test_a_later_step_gets_no_pictures() -> None:
    steps = ModelStep(earlier(PICTURE)), ModelStep(earlier(NHWC, width=64))
    check_pictures(pipeline_version(*steps))


# --- in whose pixels boxes are ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "image", "size"),
    [
        ([NHWC], {}, (32, 32, "stretch", "upper-left", "nearest", None)),
        ([PICTURE], {"aspect": "letterbox", "place": "centre"}, (64, 64, "letterbox", "centre", "nearest", None)),
        ([PICTURE], {"aspect": "crop", "resize_shorter": 73}, (64, 64, "crop", "upper-left", "nearest", 73)),
        ([PICTURE, SIZES], {"inputs": {"orig_target_sizes": "width,height"}}, None),
        ([SIZES, PICTURE], {"inputs": {"orig_target_sizes": "input_width,input_height"}}, (64, 64, "stretch")),
        ([TensorSpec("x", "float32", (None, 3, None, None))], {}, None),
    ],
)
def test_a_dataset_says_in_whose_pixels_boxes_are_and_how_the_picture_lies(
    inputs: list[TensorSpec], image: dict[str, Any], size: tuple[Any, ...] | None
) -> None:
    found = input_size(configured(*inputs, **image))
    assert (found and tuple(found)[: len(size or ())]) == size
