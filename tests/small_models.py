"""Models of a few bytes, made here, for what no packaged model can show: exact factors, hangs, crashes."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper


def scaling_model(factor: float, columns: int | None = 2, rows: int | None = None) -> bytes:
    """`y = tensor * factor`, float32 [rows, columns]; None is a free dimension."""
    shape = ["rows" if rows is None else rows, "columns" if columns is None else columns]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["tensor", "factor"], ["y"])],
        "scale",
        [helper.make_tensor_value_info("tensor", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [helper.make_tensor("factor", TensorProto.FLOAT, [], np.array([factor], np.float32))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def same_image_model(side: int) -> bytes:
    """`y = tensor`, float32 [1, 3, side, side]."""
    shape = [1, 3, side, side]
    specs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("tensor", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["tensor"], ["y"])], "same", specs[:1], specs[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


AVERAGE_STEP = """
import numpy as np

def process(arrays):
    '''The float64 mean of the float32 confidences, beside what came.'''
    mean = arrays["confidences"].astype(np.float64).mean() if arrays["confidences"].size else np.nan
    return dict(arrays, avg_conf=np.array([mean]))
"""

MISCHIEF_STEP = """
import os, signal, threading

import numpy as np

LEAKED = []

def process(arrays):
    '''y = 10 * tensor; some first values do harm: 1 raises, 2 hangs, 3 takes the process down, 4 leaks 64 MiB.'''
    match int(arrays["tensor"].ravel()[0]):
        case 1:
            raise ValueError("the first value is 1")
        case 2:
            threading.Event().wait()
        case 3:
            os.kill(os.getpid(), signal.SIGKILL)
        case 4:
            LEAKED.append(np.ones(2**23))
    return {"y": arrays["tensor"] * np.float32(10)}
"""


def picture_model(factor: float) -> bytes:
    """`y = image * factor`, one picture of 4 by 4 pixels."""
    shape = [1, 3, 4, 4]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "factor"], ["y"])],
        "picture",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [helper.make_tensor("factor", TensorProto.FLOAT, [], np.array([factor], np.float32))],
    )
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(content))
    return content


def waiting_step(gate: str) -> str:
    """A step whose own code goes on only once the file `gate` is there; y = tensor."""
    return f"""
import os, threading

while not os.path.exists({gate!r}):
    threading.Event().wait(0.02)

def process(arrays):
    return {{"y": arrays["tensor"]}}
"""


def gated_step(gate: Path) -> str:
    """A step: y = tensor; a first value of 1 raises, one of 2 is answered once the file `gate` is there."""
    return f"""
import os, threading

def process(arrays):
    first = arrays["tensor"].ravel()[0]
    if first == 1:
        raise ValueError("the first value is 1")
    while first == 2 and not os.path.exists({str(gate)!r}):
        threading.Event().wait(0.02)
    return {{"y": arrays["tensor"]}}
"""


def slow_step(pace: Path) -> str:
    """A step: y = the first value of tensor, after as many seconds as the file `pace` says; the machine is free in
    them."""
    return f"""
import threading

def process(arrays):
    with open({str(pace)!r}) as seconds:
        threading.Event().wait(float(seconds.read()))
    return {{"y": arrays["tensor"].ravel()[:1]}}
"""


def rows_model(
    nodes: list[onnx.NodeProto],
    columns: int,
    output: list[str | int | None],
    rows: str | int | None = "batch",
    weights: dict[str, object] | None = None,
) -> bytes:
    """Nodes from `x`, float32 [rows, columns], to `y`, float32."""
    graph = helper.make_graph(
        nodes,
        "rows",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, columns])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def reshaped_for_transposed() -> bytes:
    """`y` [batch, steps, 2]: running sums of `x` over its steps. As some exports do it, Reshape puts the steps first
    where Transpose should: of one row that is the same, rows of several steps are mixed."""
    nodes = [
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("Gather", ["size", "order"], ["swapped"]),
        helper.make_node("Reshape", ["x", "swapped"], ["steps"]),
        helper.make_node("CumSum", ["steps", "axis"], ["sums"]),
        helper.make_node("Reshape", ["sums", "size"], ["y"]),
    ]
    shape: list[str | int | None] = ["batch", "steps", 2]
    weights = {"order": np.array([1, 0, 2]), "axis": np.array(0)}
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def flat_detector(output_rows: str | None = "num_det") -> bytes:
    """One flat list for the whole batch: `y` has (row of the batch, column) for each number of `x` above 0.5."""
    nodes = [
        helper.make_node("Greater", ["x", "half"], ["over"]),
        helper.make_node("NonZero", ["over"], ["where"]),
        helper.make_node("Transpose", ["where"], ["found"], perm=[1, 0]),
        helper.make_node("Cast", ["found"], ["y"], to=TensorProto.FLOAT),
    ]
    return rows_model(nodes, 4, [output_rows, 2], weights={"half": np.float32(0.5)})
