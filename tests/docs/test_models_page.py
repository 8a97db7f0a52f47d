"""docs/models.md: each family's line is tried on a model of its signature, which gives back what it got."""

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from schemas.models import Configuration, PinnedModel
from schemas.pictures.inputs import WORDS
from sparring.deployment.configure import configuration
from tests.workers.inference.loaded import SETTINGS, pin_onnx
from workers.inference.request_inputs import image_inputs
from workers.inference.steps import load_model

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
TEXT = PAGE.read_text()
COLOUR = (200, 100, 50)
WIDTH, HEIGHT = 80, 48
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in TEXT.partition("## Families")[2].splitlines()
    if line.startswith("|") and "`" in line and not line.startswith("| family")
]
FAMILIES = {row[0]: (row[1], json.loads(row[2].strip("`"))) for row in ROWS}
_TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
    "int64": TensorProto.INT64,
}


def same_model(signature: str) -> bytes:
    """Gives back each input, as the output of the same name with `same_` before it."""
    inputs, outputs, nodes = [], [], []
    for name, dtype, shape in re.findall(r"`(\S+) (\w+) \[(.+?)\]`", signature):
        sides = [f"{name}{at}" if side == "?" else int(side) for at, side in enumerate(shape.split(", "))]
        inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], sides))
        outputs.append(helper.make_tensor_value_info(f"same_{name}", _TYPES[dtype], sides))
        nodes.append(helper.make_node("Identity", [name], [f"same_{name}"]))
    graph = helper.make_graph(nodes, "same", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def given(signature: str, image: dict[str, Any]) -> dict[str, np.ndarray]:
    """What the model gets of a picture of one colour."""
    content = same_model(signature)
    model = pin_onnx("family", content).model
    pinned = PinnedModel(model, configuration(model, image=image))
    done, png = cv2.imencode(".png", np.full((HEIGHT, WIDTH, 3), COLOUR[::-1], np.uint8))
    assert done
    outputs = load_model(pinned, content, SETTINGS).run(image_inputs(png.tobytes(), pinned))
    return {name.removeprefix("same_"): array for name, array in outputs.items()}


def inside(tensor: np.ndarray) -> np.ndarray:
    """The channels of a pixel of the picture, wherever that lies: near the left, above the middle."""
    pixels = tensor[0] if tensor.shape[1] > 3 else tensor[0].transpose(1, 2, 0)
    found: np.ndarray = pixels[pixels.shape[0] * 3 // 10, 10].astype(np.float64)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_this_family_gets_the_pictures_colour_by_its_settings(family: str) -> None:
    signature, image = FAMILIES[family]
    tensor = next(iter(given(signature, image).values()))
    assert tensor.ndim == 4
    assert tensor.shape[0] == 1
    pixel = np.array(COLOUR[::-1] if image.get("colour") == "BGR" else COLOUR, np.float64)
    if 1 in (tensor.shape[1], tensor.shape[3]):
        pixel = np.array([round(0.299 * COLOUR[0] + 0.587 * COLOUR[1] + 0.114 * COLOUR[2])], np.float64)
    if tensor.dtype != np.uint8:
        pixel = (pixel * image.get("scale", 1 / 255) - image.get("mean", 0)) / image.get("std", 1)
    assert inside(tensor) == pytest.approx(pixel, rel=2e-3 if tensor.dtype == np.float16 else 1e-5)


@pytest.mark.parametrize("family", [family for family, (_, image) in FAMILIES.items() if image.get("pad")])
def test_a_letterboxed_family_sees_its_padding(family: str) -> None:
    signature, image = FAMILIES[family]
    tensor = next(iter(given(signature, image).values()))
    planes = tensor[0] if tensor.shape[1] == 3 else tensor[0].transpose(2, 0, 1)
    wanted = np.broadcast_to(np.asarray(image["pad"], np.float64), 3)
    if tensor.dtype != np.uint8:
        wanted = (wanted * image.get("scale", 1 / 255) - image.get("mean", 0)) / image.get("std", 1)
    assert planes[:, -1, -1].astype(np.float64) == pytest.approx(wanted, rel=1e-3)
    centred = image.get("place") == "centre"
    assert (planes[:, 0, 0].astype(np.float64) == pytest.approx(wanted, rel=1e-3)) == centred


@pytest.mark.parametrize(
    ("family", "beside"),
    [
        ("YOLOv3 of the ONNX model zoo", {"image_shape": [[48, 80]]}),
        ("RT-DETR, D-FINE", {"orig_target_sizes": [[80, 48]]}),
        ("PaddleDetection (PP-YOLOE, PicoDet)", {"im_shape": [[640, 640]], "scale_factor": [[640 / 48, 8]]}),
        ("DETR of Hugging Face", {"pixel_mask": np.ones((1, 64, 64)).tolist()}),
    ],
)
def test_inputs_beside_the_pictures_get_what_their_models_expect(family: str, beside: dict[str, Any]) -> None:
    arrays = given(*FAMILIES[family])
    assert arrays.keys() - beside.keys() == {next(iter(arrays))}
    for name, values in beside.items():
        assert arrays[name].tolist() == np.asarray(values, arrays[name].dtype).tolist()


def test_every_family_with_more_inputs_is_tried_with_what_they_get() -> None:
    assert sum("inputs" in image for _, image in FAMILIES.values()) == 4
    assert len(FAMILIES) == len(ROWS) > 15


def test_each_setting_and_each_word_stands_on_the_page() -> None:
    settings = TEXT.partition("## Settings")[2].partition("## ")[0]
    for name in Configuration("onnx").image.__struct_fields__:
        assert f"`{name}`" in settings, name
    for word in WORDS:
        assert f"`{word}`" in TEXT


def test_each_step_on_the_page_is_there_and_can_be_loaded() -> None:
    steps = {*re.findall(r"\(\.\./examples/(\w+\.py)\)", TEXT)}
    assert len(steps) == 5
    for step in steps:
        namespace: dict[str, Any] = {}
        exec((PAGE.parents[1] / "examples" / step).read_text(), namespace)  # noqa: S102 (as a model process does)
        assert callable(namespace["process"])
