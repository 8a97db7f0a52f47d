"""What an ONNX file says of its shapes, and whether each output has an entry per row of the inputs."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sparring.deployment.onnx_file import Signature, inspect, known, signatures

Shape = list[Any] | None
X, Y = "x", "y"
CHAIN = [
    helper.make_node("Relu", [X], ["hidden"]),
    helper.make_node("Reshape", ["hidden", "flat"], [Y]),
]


def onnx_file(
    nodes: list[Any],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
    weights: dict[str, Any] | None = None,
    domains: tuple[tuple[str, int], ...] = (),
) -> bytes:
    """A model of float32 inputs and outputs."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(*domain) for domain in domains)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return content


def node(operator: str, *inputs: str, domain: str = "", **attributes: Any) -> list[Any]:
    return [helper.make_node(operator, [X, *inputs], [Y], domain=domain, **attributes)]


def signature(content: bytes) -> Signature:
    *_, last = signatures(content)
    return last


def per_row(content: bytes) -> bool | None:
    (output,) = signature(content).outputs
    return output.per_row


NEG = node("Neg")
DETECT = [
    helper.make_node("Greater", [X, "half"], ["over"]),
    helper.make_node("NonZero", ["over"], ["where"]),
    helper.make_node("Transpose", ["where"], ["found"], perm=[1, 0]),
    helper.make_node("Cast", ["found"], [Y], to=TensorProto.FLOAT),
]
HALF = {"half": np.float32(0.5)}
LINEAR = node("LinearRegressor", domain="ai.onnx.ml", coefficients=[1.0, 2.0], intercepts=[0.0], targets=1)
SCALED = [
    helper.make_node("Scaler", [X], ["scaled"], domain="ai.onnx.ml", offset=[0.0], scale=[2.0]),
    helper.make_node("LinearRegressor", ["scaled"], ["linear"], domain="ai.onnx.ml", coefficients=[1.0, 2.0]),
    helper.make_node("Relu", ["linear"], [Y]),
]
ML = (("ai.onnx.ml", 1),)


@pytest.mark.parametrize(
    ("content", "right"),
    [
        (onnx_file(NEG, {X: ["batch", 2]}, {Y: ["batch", 2]}), True),
        (onnx_file(NEG, {X: [None, 2]}, {Y: [None, 2]}), True),
        (onnx_file(NEG, {X: ["unk__1", 2]}, {Y: ["unk__2", 2]}), True),
        (onnx_file(NEG, {X: ["batch", 2]}, {Y: ["rows", 2]}), True),
        (onnx_file(NEG, {X: [None, 2]}, {Y: None}), True),
        (onnx_file(NEG, {X: [4, 2]}, {Y: [4, 2]}), True),
        (onnx_file(NEG, {X: [1, 2]}, {Y: [1, 2]}), None),
        (onnx_file(NEG, {X: None}, {Y: None}), None),
        (onnx_file(DETECT, {X: ["batch", 4]}, {Y: ["num_det", 2]}, HALF), False),
        (onnx_file(DETECT, {X: [None, 4]}, {Y: [None, 2]}, HALF), None),
        (onnx_file(DETECT, {X: ["unk__1", 4]}, {Y: ["unk__2", 2]}, HALF), None),
        (onnx_file(DETECT, {X: ["?", 4]}, {Y: ["?", 2]}, HALF), None),
        (onnx_file(DETECT, {X: ["s0", 4]}, {Y: ["s0", 2]}, HALF), True),
        (onnx_file(node("ReduceMean", axes=[0]), {X: ["batch", 4]}, {Y: ["batch", 4]}), False),
        (onnx_file(node("ReduceMean", axes=[0], keepdims=0), {X: ["batch", 4]}, {Y: [4]}), False),
        (onnx_file(node("ReduceMean", keepdims=0), {X: ["batch", 4]}, {Y: []}), False),
        (onnx_file(node("ReduceMean", axes=[1], keepdims=0), {X: ["batch", 4]}, {Y: [None]}), True),
        (onnx_file(node("Transpose", perm=[1, 0]), {X: [None, 4]}, {Y: [4, None]}), False),
        (onnx_file(node("Mul", "w"), {X: [None, 2]}, {Y: [None, 2]}, {"w": np.ones(2, np.float32)}), True),
        (onnx_file(LINEAR, {X: [None, 2]}, {Y: [None, 1]}, domains=ML), True),
        (onnx_file(SCALED, {X: [None, 2]}, {Y: [None, 1]}, domains=ML), True),
        (onnx_file(CHAIN, {X: [None, 2, 3]}, {Y: [None, 6]}, {"flat": np.array([-1, 6])}), True),
        (onnx_file(CHAIN, {X: [None, 2, 3]}, {Y: [None, 3]}, {"flat": np.array([-1, 3])}), None),
        (onnx_file(CHAIN, {X: [None, 2, None]}, {Y: [None, 6]}, {"flat": np.array([-1, 6])}), None),
        (onnx_file(node("FusedMatMul", "w", domain="com.microsoft"), {X: [None, 2]}, {Y: [None, 2]},
                   {"w": np.ones((2, 2), np.float32)}, (("com.microsoft", 1),)), None),
        (onnx_file(node("Gather", "i", axis=0), {X: ["batch", 2]}, {Y: ["batch", 2]}, {"i": np.array([0, 1])}), False),
        (onnx_file(node("Add", "z"), {X: ["batch", 2], "z": ["points", 2]}, {Y: ["batch", 2]}), None),
        (onnx_file(node("Add", "z"), {X: ["batch", 2], "z": []}, {Y: ["batch", 2]}), None),
    ],
)  # fmt: skip
def test_whether_an_output_has_an_entry_per_row_is_said_by_the_file_or_not_known(
    content: bytes, right: bool | None
) -> None:
    assert per_row(content) is right


def test_dimensions_have_their_names_and_no_shape_is_not_the_empty_one() -> None:
    shapes: dict[str, Shape] = {X: ["batch", 3, None], "scalar": [], "any": None}
    nodes = [helper.make_node("Neg", [name], [f"neg-{name}"]) for name in shapes]
    made = signature(onnx_file(nodes, shapes, {f"neg-{name}": shape for name, shape in shapes.items()}))
    for specs in (made.inputs, made.outputs):
        assert [spec.shape for spec in specs] == [(None, 3, None), (), None]
        assert [spec.dimensions for spec in specs] == [("batch", None, None), None, None]
        assert [spec.shown_shape for spec in specs] == ["[batch, 3, ?]", "[]", "of any rank"]


def test_what_goes_wrong_after_onnxruntime_loaded_a_file_leaves_its_shapes_known(tmp_path: Path) -> None:
    content = onnx_file(NEG, {X: ["batch", 2]}, {Y: ["batch", 2]})
    first, last = signatures(content)
    assert (first.outputs[0].per_row, last.outputs[0].per_row) == (None, True)
    assert inspect(tmp_path / "whole.onnx", content) == last
    said = [msgspec.json.encode(one) + b"\n" for one in (first, last)]
    assert known(said[0] + said[1][:-10]) == first
    assert known(said[0] + said[1]) == last
    assert known(said[0][:-1]) is None
