"""A picture through a real session: one result for one picture, whatever the model's signature."""

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from schemas.errors import Refused
from schemas.models import Configuration, GivenInput, ImageSettings
from schemas.tables.fitting import Arrays
from tests.nouns import frame
from tests.workers.inference.loaded import SETTINGS, load_onnx, pin_onnx
from workers.inference.answering import result_rows
from workers.inference.request_inputs import request_inputs
from workers.inference.steps import OnnxModel

COLOUR = (200, 100, 50)


def mean_model(shape: list[int | str], axes: list[int], dtype: int = TensorProto.FLOAT) -> bytes:
    """`mean`: over the axes, float32; and `size`, where there is one, as it came."""
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["mean"], axes=axes, keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("x", dtype, shape)]
    outputs = [helper.make_tensor_value_info("mean", TensorProto.FLOAT, None)]
    return _saved(nodes, inputs, outputs)


def sized_model() -> bytes:
    """As `mean_model`, with `size`, int64 [N, 2], beside the picture, which comes out as it is."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Identity", ["size"], ["same"]),
    ]
    inputs = [
        helper.make_tensor_value_info("size", TensorProto.INT64, ["N", 2]),
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8]),
    ]
    outputs = [
        helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["N"]),
        helper.make_tensor_value_info("same", TensorProto.INT64, ["N", 2]),
    ]
    return _saved(nodes, inputs, outputs)


def _saved(nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> bytes:
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return content


def results(content: bytes, image: ImageSettings, batch_config: str | None = None) -> dict[str, list[np.ndarray]]:
    """What one picture of 60 x 40 gives, a list of rows for each output."""
    model = load_onnx("m", content, Configuration("onnx", image=image, batch_config=batch_config))  # type: ignore[arg-type]
    done, png = cv2.imencode(".png", np.full((40, 60, 3), COLOUR[::-1], np.uint8))
    assert done
    inputs = request_inputs(frame(value=png.tobytes(), headers=[("content-type", b"image/png")]), model.pinned)
    return result_rows([model.run(run) for run in inputs.runs], inputs.rows)


@pytest.mark.parametrize("batch_config", [None, "single"])
@pytest.mark.parametrize("batch", ["N", 1])
@pytest.mark.parametrize(
    ("sides", "axes", "expected"),
    [
        ([3, 28, 28], [2, 3], np.array(COLOUR) / 255),
        ([28, 28, 3], [1, 2], np.array(COLOUR) / 255),
        ([1, 28, 28], [2, 3], [124 / 255]),
        ([28, 28, 1], [1, 2], [124 / 255]),
        (["c", "h", "w"], [2, 3], np.array(COLOUR) / 255),
    ],
)
def test_one_picture_gives_one_result(
    sides: list[int | str], axes: list[int], expected: np.ndarray, batch: int | str, batch_config: str | None
) -> None:
    (row,) = results(mean_model([batch, *sides], axes), ImageSettings(), batch_config)["mean"]
    assert row == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (TensorProto.UINT8, COLOUR),
        (TensorProto.FLOAT16, np.array(COLOUR) / 255),
        (TensorProto.DOUBLE, np.array(COLOUR) / 255),
    ],
)
def test_uint8_gets_the_pixels_and_floats_of_any_width_the_same(dtype: int, expected: np.ndarray) -> None:
    content = mean_model([1, "h", "w", 3], [1, 2], dtype)
    (row,) = results(content, ImageSettings())["mean"]
    assert row == pytest.approx(np.array(expected), rel=1e-3)


@pytest.mark.parametrize("batch_config", [None, "single"])
def test_an_input_beside_the_picture_gets_its_size(batch_config: str | None) -> None:
    settings = ImageSettings(inputs=(GivenInput("size", ("width", "height")),))
    rows = results(sized_model(), settings, batch_config)
    assert [row.tolist() for row in rows["same"]] == [[60, 40]]
    assert len(rows["mean"]) == 1


def test_without_a_word_on_it_the_refusal_says_how_to_give_it() -> None:
    with pytest.raises(
        Refused, match=r"the request is an image, but .* size \[N, 2\] gets nothing; expected configure\(image="
    ):
        results(sized_model(), ImageSettings())


class Watched(OnnxModel):
    """Keeps the shape and dtype of each input of its last run."""

    ran: dict[str, tuple[tuple[int, ...], str]]

    def run(self, arrays: Arrays) -> Arrays:
        self.ran = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
        return super().run(arrays)


@pytest.mark.parametrize(
    ("content", "image", "expected"),
    [
        (
            sized_model(),
            ImageSettings(inputs=(GivenInput("size", ("width", "height")),)),
            {"x": ((1, 3, 8, 8), "float32"), "size": ((1, 2), "int64")},
        ),
        (mean_model([1, "h", "w", 3], [1, 2], TensorProto.UINT8), ImageSettings(), {"x": ((1, 480, 640, 3), "uint8")}),
        (mean_model(["N", 1, "h", "w"], [2, 3]), ImageSettings(width=64), {"x": ((1, 1, 480, 64), "float32")}),
        (mean_model(["N", 5, 8, 8], [2, 3]), ImageSettings(), {"x": ((1, 5, 8, 8), "float32")}),
    ],
    ids=["sizes", "uint8", "grey", "no pictures"],
)
def test_the_warm_up_shows_a_model_a_picture_as_later_ones_come(
    content: bytes, image: ImageSettings, expected: dict[str, tuple[tuple[int, ...], str]]
) -> None:
    pinned = pin_onnx("m", content, Configuration("onnx", image=image))
    model = Watched(pinned, content, SETTINGS)
    model.warm_up()
    assert model.ran == expected
