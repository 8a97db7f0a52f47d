"""Which ONNX types a request can hold and an answer can give, decided by a real round trip of each."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from adapters.onnx_runtime import onnxruntime
from schemas.errors import Refused
from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from schemas.signatures import DTYPES
from schemas.tables.fitting import fit_table, runs
from schemas.tables.read import encode_rows, read_arrow
from sparring.deployment import onnx_file as inspecting
from sparring.deployment.onnx_file import inspect
from tests.workers.inference.loaded import SETTINGS
from workers.inference.answering import result_rows
from workers.inference.steps import load_model

ONNX: dict[str, int] = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
    **{f"{sign}int{bits}": getattr(TensorProto, f"{sign}int{bits}".upper()) for sign in ("", "u") for bits in (8, 16)},
    **{f"{sign}int{bits}": getattr(TensorProto, f"{sign}int{bits}".upper()) for sign in ("", "u") for bits in (32, 64)},
}
NARROW = ["BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "INT4", "UINT4"]


def onnx_file(inputs: dict[str, int], outputs: dict[str, int], nodes: list[onnx.NodeProto]) -> bytes:
    takes, gives = (
        [helper.make_tensor_value_info(name, kind, ["n", 2]) for name, kind in some.items()]
        for some in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "types", takes, gives)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def test_each_type_that_is_taken_comes_back_from_a_model_as_it_went_in() -> None:
    assert set(ONNX) == set(DTYPES)
    inputs = {f"in-{dtype}": kind for dtype, kind in ONNX.items()}
    outputs = {f"out-{dtype}": kind for dtype, kind in ONNX.items()}
    nodes = [helper.make_node("Identity", [f"in-{dtype}"], [f"out-{dtype}"]) for dtype in ONNX]
    content = onnx_file(inputs, outputs, nodes)
    signature = inspect(Path("types.onnx"), content)
    assert [spec.dtype for spec in signature.inputs] == [spec.dtype for spec in signature.outputs] == list(ONNX)
    sha256 = hashlib.sha256(content).hexdigest()
    model = ModelVersion(
        "default", "types", "v1", sha256, "onnx", "t.onnx", len(content), 0, signature.inputs, signature.outputs
    )
    loaded = load_model(PinnedModel(model, Configuration("onnx")), content, SETTINGS)
    cells = {dtype: ["a", "b"] if dtype == "string" else np.array([1, 0], dtype).tolist() for dtype in ONNX}
    kinds = {dtype: pa.string() if dtype == "string" else pa.from_numpy_dtype(np.dtype(dtype)) for dtype in ONNX}
    request = pa.table({f"in-{dtype}": pa.array([cells[dtype]], pa.list_(kinds[dtype])) for dtype in ONNX})
    (run,) = runs(fit_table(request, loaded.pinned), loaded.pinned, together=False)
    answer = read_arrow(encode_rows(result_rows([loaded.run(run)], rows=1)))
    for dtype in ONNX:
        column = answer[f"out-{dtype}"]
        assert (column.type, column.to_pylist()) == (pa.list_(kinds[dtype]), [cells[dtype]])


@pytest.mark.parametrize("name", NARROW)
def test_a_type_that_is_refused_does_not_come_out_of_a_model_as_itself(name: str) -> None:
    """Some raise; float8e4m3fn comes as bytes that look like numbers."""
    node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.DataType.Value(name))
    made = session(onnx_file({"x": TensorProto.FLOAT}, {"y": TensorProto.DataType.Value(name)}, [node]))
    with pytest.raises(ValueError, match=rf"output 'y' is {name.lower()}, no answer can hold it"):
        inspecting._signature(made, set())  # noqa: SLF001 (what the inspecting process calls)
    assert came_out(made, np.array([[1.5, 2.0]], np.float32)) != [[1.5, 2.0]]


def came_out(made: onnxruntime.InferenceSession, x: np.ndarray) -> object:
    try:
        return made.run(None, {"x": x})[0].tolist()
    except Exception as error:  # noqa: BLE001 (onnxruntime's errors have no common base)
        return error


def test_outputs_that_are_no_tensors_are_refused_each_with_its_own_remedy() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, ["n", 2])
    kinds = {
        "SequenceConstruct": (helper.make_sequence_type_proto(tensor), "SequenceAt"),
        "Optional": (helper.make_optional_type_proto(tensor), "OptionalGetElement"),
    }
    for operator, (kind, remedy) in kinds.items():
        node = helper.make_node(operator, ["x"], ["y"])
        graph = helper.make_graph([node], "g", [x], [helper.make_value_info("y", kind)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        with pytest.raises(ValueError, match=rf"output 'y' is a .*; expected a tensor: .*\({remedy}\)"):
            inspecting._signature(session(model.SerializeToString()), set())  # noqa: SLF001 (as above)
    zipmap = helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    )
    graph = helper.make_graph([zipmap], "g", [x], [helper.make_value_info("y", maps)])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with pytest.raises(ValueError, match=r"output 'y' is a seq\(map.*; expected a tensor: export without ZipMap"):
        inspecting._signature(session(model.SerializeToString()), set())  # noqa: SLF001 (as above)


def test_a_model_with_an_output_that_stands_twice_or_with_none_is_refused() -> None:
    twice = onnx_file({"x": 1}, {"y": 1}, [helper.make_node("Neg", ["x"], ["y"])])
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])] * 2,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert inspecting._signature(session(twice), set()).outputs  # noqa: SLF001 (as above)
    with pytest.raises(ValueError, match="the outputs 'y' and 'y' look the same"):
        inspecting._signature(session(model.SerializeToString()), set())  # noqa: SLF001 (as above)
    del model.graph.output[:]
    with pytest.raises(ValueError, match="it has no outputs"):
        inspecting._signature(session(model.SerializeToString()), set())  # noqa: SLF001 (as above)


def test_a_model_without_inputs_is_refused_and_is_no_crash_where_an_older_version_took_it() -> None:
    constant = helper.make_node("Constant", [], ["y"], value=helper.make_tensor("c", TensorProto.FLOAT, [1], [1.0]))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([constant], "g", [], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ValueError, match="it has no inputs; expected at least one"):
        inspecting._signature(session(model.SerializeToString()), set())  # noqa: SLF001 (as above)
    version = ModelVersion("default", "m", "v1", "0" * 64, "onnx", "m.onnx", 1, 0, (), (TensorSpec("y", "float32"),))
    with pytest.raises(Refused, match="model m has no inputs"):
        fit_table(pa.table({"x": [[1.0]]}), PinnedModel(version, Configuration("onnx")))
