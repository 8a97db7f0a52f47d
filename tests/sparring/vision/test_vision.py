"""Pictures with boxes: where a model's boxes lie on them, how they are drawn, how images are read and written."""

from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from adapters.images.decode import target_size
from schemas.models import ImageSettings, TensorSpec
from sparring.vision import (
    COCO_NAMES,
    COLOURS,
    Colour,
    Image,
    Layer,
    boxes_on_picture,
    class_name,
    confident,
    decode,
    draw,
    draw_layers,
    draw_result,
    encode_png,
    enlarged,
    legend,
    load_image,
)

ORIENTATION_90 = (
    bytes.fromhex("ffe10022457869660000") + b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
)
# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009.
WITHOUT_RED = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
WITHOUT_GREEN = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def grey(height: int = 240, width: int = 320) -> Image:
    return np.full((height, width, 3), 90, np.uint8)


def has(image: Image, colour: Colour) -> bool:
    return bool((image == colour).all(axis=2).any())


# --- where boxes lie ------------------------------------------------------------------------


def test_boxes_of_a_stretched_input_grow_by_each_axis_on_its_own() -> None:
    placed = boxes_on_picture([10, 20, 30, 40, 0, 0, 640, 480], grey(960, 640), (640, 480), "stretch")
    assert placed.tolist() == [[10, 40, 30, 80], [0, 0, 640, 960]]


def test_boxes_of_a_letterboxed_input_grow_alike_from_the_top_left() -> None:
    wide = boxes_on_picture([[0, 0, 320, 160]], grey(640, 1280), (320, 320), "letterbox")
    assert wide.tolist() == [[0, 0, 1280, 640]]
    tall = boxes_on_picture([[0, 0, 80, 320]], grey(640, 160), (320, 320), "letterbox")
    assert tall.tolist() == [[0, 0, 160, 640]]


def test_boxes_of_a_centred_letterbox_leave_the_padding_behind() -> None:
    wide = boxes_on_picture([[0, 80, 320, 240]], grey(640, 1280), (320, 320), "letterbox", "centre")
    assert wide.tolist() == [[0, 0, 1280, 640]]
    tall = boxes_on_picture([[120, 0, 200, 320]], grey(640, 160), (320, 320), "letterbox", "centre")
    assert tall.tolist() == [[0, 0, 160, 640]]
    odd = grey(479, 640)  # 320 x 239.5 pixels of the input: 240 or 239, with 40 or 40.5 above
    assert boxes_on_picture([0, 40, 320, 280], odd, (320, 320), "letterbox", "centre").tolist() == [[0, 0, 640, 480]]
    down = boxes_on_picture([0, 40, 320, 279], odd, (320, 320), "letterbox", "centre", "down")
    assert down.tolist() == [[0, 0, 640, 478]]


def test_boxes_of_a_crop_lie_in_the_middle_of_the_picture() -> None:
    covering = boxes_on_picture([0, 0, 224, 224], grey(448, 896), (224, 224), "crop")
    assert covering.tolist() == [[224, 0, 672, 448]]
    smaller = boxes_on_picture([0, 0, 224, 224], grey(512, 1024), (224, 224), "crop", resize_shorter=256)
    assert smaller.tolist() == [[288, 32, 736, 480]]


@pytest.mark.parametrize(
    ("settings", "shape", "size"),
    [
        (ImageSettings(), (1, 3, 480, 640), (640, 480)),
        (ImageSettings(layout="HWC"), (1, 480, 640, 3), (640, 480)),
        (ImageSettings(), (1, 3, None, None), (320, 240)),
        (ImageSettings(width=100, height=50), (1, 3, None, None), (100, 50)),
        (ImageSettings(), None, (320, 240)),
    ],
)
def test_a_models_input_size_is_as_configured_else_as_in_its_shape_else_the_pictures(
    settings: ImageSettings, shape: tuple[int | None, ...] | None, size: tuple[int, int]
) -> None:
    assert target_size(grey(), settings, TensorSpec("tensor", "float32", shape)) == size


# --- drawing --------------------------------------------------------------------------------


def test_a_box_is_drawn_on_a_copy_in_its_colour_and_nothing_beyond_box_and_label() -> None:
    image = grey()
    drawn = draw(image, [100, 120, 200, 180], [39], [0.91], COCO_NAMES)
    assert (image == 90).all()
    for x, y in ((100, 150), (200, 150), (150, 120), (150, 180)):
        assert drawn[y, x].tolist() == list(COLOURS[0])
    assert (drawn[125:175, 105:195] == 90).all()
    assert (drawn[:90] == 90).all()
    assert has(drawn[95:118, 100:], COLOURS[0])  # the label's plate above it


def test_without_classes_and_confidences_there_is_no_label() -> None:
    drawn = draw(grey(), [100, 120, 200, 180])
    assert (drawn[:115] == 90).all()


def test_labels_stay_in_the_picture_and_clear_of_each_other() -> None:
    boxes = [0, 0, 60, 60, 2, 2, 62, 62, 4, 4, 64, 64, 250, 200, 320, 240]
    drawn = draw_layers(grey(), [Layer(boxes, [0, 1, 2, 3], [0.9, 0.8, 0.7, 0.6], COCO_NAMES)])
    alone = [draw(grey(), boxes[at : at + 4], [0], [0.9], COCO_NAMES) for at in (0, 12)]
    plates = [int((one == COLOURS[0]).all(axis=2).sum()) for one in (drawn, *alone)]
    assert plates[0] > 1.5 * plates[1]
    assert all(has(one, COLOURS[0]) for one in alone)


def test_the_first_layer_lies_on_top() -> None:
    first, second = Layer([50, 50, 100, 100]), Layer([50, 50, 100, 100], colour=COLOURS[1])
    assert has(draw_layers(grey(), [first, second]), COLOURS[0])
    assert not has(draw_layers(grey(), [first, second]), COLOURS[1])


def test_a_legend_below_names_each_layer_in_its_colour() -> None:
    image = grey()
    under = legend(image, [Layer([], title="champion"), Layer([], title="challenger", colour=COLOURS[1])])
    assert (under[:240] == image).all()
    assert has(under[240:], COLOURS[0])
    assert has(under[240:], COLOURS[1])


@pytest.mark.parametrize(
    "boxes", [[], [float("nan")] * 4, [-1e30, 0, 1e30, 50], [300, 200, 10, 10], [5000, 0, 6000, 9]]
)
def test_odd_boxes_draw_something_or_nothing_and_never_fail(boxes: list[float]) -> None:
    count = len(boxes) // 4
    assert draw(grey(), boxes, [7] * count, [0.5] * count).shape == grey().shape


@pytest.mark.parametrize(
    ("image", "boxes", "classes", "says"),
    [
        (grey().astype(np.float32), [0, 0, 1, 1], [1], r"image: float32 \[240, 320, 3\]; expected uint8"),
        (grey()[:, :, 0], [0, 0, 1, 1], [1], r"image: uint8 \[240, 320\]; expected"),
        (grey(), [0, 0, 1], [1], r"boxes: \[3\] numbers; expected four for each"),
        (grey(), [0, 0, 1, 1], [1, 2], r"classes: 2 for 1 boxes"),
    ],
)
def test_what_does_not_fit_together_is_refused(image: Image, boxes: list[float], classes: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        draw(image, boxes, classes)


def test_boxes_below_a_confidence_are_left_out_with_their_classes() -> None:
    kept = confident(Layer([0, 0, 1, 1, 2, 2, 3, 3], [7, 8], [0.2, 0.6]), 0.5)
    assert (np.asarray(kept.boxes).tolist(), np.asarray(kept.classes).tolist()) == ([[2, 2, 3, 3]], [8])
    assert confident(Layer([0, 0, 1, 1]), 0.5) == Layer([0, 0, 1, 1])


def test_a_class_without_a_name_is_shown_by_its_number() -> None:
    assert class_name(39, COCO_NAMES) == "bottle"
    assert class_name(39, None) == class_name(39, ["one"]) == "class 39"
    assert class_name(-1, COCO_NAMES) == "class -1"


def test_coco_has_eighty_names_in_its_detectors_order() -> None:
    assert len(set(COCO_NAMES)) == 80
    assert [COCO_NAMES[at] for at in (0, 2, 39, 56, 79)] == ["person", "car", "bottle", "chair", "toothbrush"]


@pytest.mark.parametrize("seen", [np.eye(3), WITHOUT_RED, WITHOUT_GREEN])
def test_colours_are_told_apart_without_red_or_green_too(seen: np.ndarray) -> None:
    """CIE 1976 distances; 2.3 is what is just seen."""
    linear = [
        np.where((c := np.array(one) / 255) > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92) for one in COLOURS
    ]
    shown = np.clip([seen @ one for one in linear], 0, 1)
    rgb = np.where(shown > 0.0031308, 1.055 * shown ** (1 / 2.4) - 0.055, 12.92 * shown).astype(np.float32)
    lab = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2Lab)[0]
    assert min(float(np.linalg.norm(one - other)) for one, other in combinations(lab, 2)) > 20


# --- images ---------------------------------------------------------------------------------


def test_an_exif_orientation_is_applied_unless_the_model_does_not() -> None:
    jpeg = cv2.imencode(".jpg", np.zeros((20, 40, 3), np.uint8))[1].tobytes()
    turned = jpeg[:2] + ORIENTATION_90 + jpeg[2:]
    assert decode(turned).shape == (40, 20, 3)
    assert decode(turned, exif=False).shape == (20, 40, 3)


def test_a_png_holds_the_same_pixels() -> None:
    image = draw(grey(), [10, 10, 50, 50])
    assert (decode(encode_png(image)) == image).all()


@pytest.mark.parametrize("value", [b"", b"hello"])
def test_what_is_no_image_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="are not a whole JPEG, PNG or WebP"):
        decode(value)


def test_a_small_picture_is_enlarged_a_large_one_is_left() -> None:
    assert enlarged(grey(240, 320)).shape == (720, 960, 3)
    assert enlarged(large := grey(10, 1000)) is large


# --- as a notebook uses it --------------------------------------------------------------------


def test_an_image_is_loaded_as_the_models_tensor_and_as_the_picture_that_it_sees(tmp_path: Path) -> None:
    path = tmp_path / "shelf.png"
    wide = np.arange(240 * 320 * 3, dtype=np.uint64).astype(np.uint8).reshape(240, 320, 3)
    path.write_bytes(encode_png(wide))
    frame, resized = load_image(path, 160, 120)
    (tensor,) = frame["tensor"]
    assert (tensor.dtype, tensor.shape, resized.shape) == (np.float32, (1, 3, 120, 160), (120, 160, 3))
    assert (resized == cv2.resize(wide, (160, 120))).all()
    assert tensor.tobytes() == (resized.transpose(2, 0, 1)[None] / 255.0).astype(np.float32).tobytes()
    assert load_image(str(path), 320, 240)[1].tobytes() == wide.tobytes()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("absent.jpg", 640, 480), FileNotFoundError, "path: .*absent.jpg is no file"),
        (("text.jpg", 640, 480), ValueError, "path: .*text.jpg: 5 bytes .* are not a whole JPEG"),
        ((7, 640, 480), TypeError, "path: int; expected the path of an image"),
        (("text.jpg", 0, 480), ValueError, "width: 0; expected at least 1"),
        (("text.jpg", 640, "480"), TypeError, "height: '480'; expected a whole number"),
        (("text.jpg", 640.0, 480), TypeError, "width: 640.0; expected a whole number"),
    ],
)
def test_what_cannot_be_loaded_is_named(tmp_path: Path, arguments: Any, error: type[Exception], says: str) -> None:
    (tmp_path / "text.jpg").write_bytes(b"hello")
    path, width, height = arguments
    with pytest.raises(error, match=says):
        load_image(tmp_path / path if isinstance(path, str) else path, width, height)


@pytest.fixture
def both() -> pd.DataFrame:
    """A shadow's result: champion and one challenger, a box each; another challenger without boxes."""
    return pd.DataFrame(
        {
            "out.boxes": [[20.0, 60.0, 60.0, 100.0]],
            "out.classes": [[39]],
            "out.confidences": [[0.9]],
            "out_rival.boxes": [[100.0, 60.0, 140.0, 100.0]],
            "out_rival.classes": [[39]],
            "out_rival.confidences": [[0.4]],
            "out_other.y": [[1.0]],
        }
    )


def test_a_results_boxes_are_drawn_each_model_in_its_colour_with_a_legend(both: pd.DataFrame) -> None:
    image = grey(480, 640)
    for result in (both, pa.Table.from_pandas(both)):
        drawn = draw_result(image, result, class_names="coco")
        assert drawn.shape[0] > 2 * 480
        assert drawn[2 * 80, 2 * 20].tolist() == list(COLOURS[0])
        assert drawn[2 * 80, 2 * 100].tolist() == list(COLOURS[1])
    sure = draw_result(image, both, confidence_min=0.5)
    assert not has(sure[:900], COLOURS[1])
    alone = draw_result(image, both.drop(columns=both.columns[3:6]))
    assert not has(alone, COLOURS[1])


def test_a_result_that_cannot_be_drawn_is_refused_by_name(both: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="row: 1; expected 0 to 0"):
        draw_result(grey(), both, row=1)
    with pytest.raises(ValueError, match="result: it has no rows"):
        draw_result(grey(), both[:0])
    with pytest.raises(
        ValueError, match=r"result: it has the columns out_other.y; expected out.boxes, with boxes in row 0"
    ):
        draw_result(grey(), both[["out_other.y"]])
    with pytest.raises(TypeError, match="class_names: 'imagenet'; expected a list of text"):
        draw_result(grey(), both, class_names="imagenet")
