"""Shapes in an ONNX file that ONNX Runtime does not report, read with the `onnx` package.

The file is not trusted: only the process that `sparring.deployment.onnx_file` starts reads it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper, shape_inference

_ROWS: Final = "rows of the batch, as sparring names them"
"""The first dimension of the inputs in `first_dimensions`: a name that no file has."""
_LARGE: Final = 1024
"""Numbers of a tensor. Larger ones are dropped: no shape depends on so many."""
_PASSES_MAX: Final = 20
_SAME_SHAPE: Final = {"Binarizer", "CategoryMapper", "Imputer", "LabelEncoder", "Normalizer", "Scaler"}
_A_ROW_EACH: Final = {
    "ArrayFeatureExtractor",
    "FeatureVectorizer",
    "LinearClassifier",
    "LinearRegressor",
    "SVMClassifier",
    "SVMRegressor",
    "TreeEnsemble",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
}
"""Operators of `ai.onnx.ml` that give an entry per row of a matrix: onnx infers no shape of them."""
_MATRIX: Final = 2

Dimension = int | str | None
Shapes = dict[str, list[Dimension]]


def read_model(content: bytes) -> onnx.ModelProto | None:
    """The file without its large weights; None where it is no ONNX file, or memory does not suffice to read it."""
    try:
        whole = onnx.load_model_from_string(content)
    except (DecodeError, MemoryError):
        return None
    for tensor in _tensors(whole.graph):
        # Not by its bytes: counting them writes a copy of them.
        if math.prod(tensor.dims) > _LARGE:
            for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
                tensor.ClearField(field)
    del whole.training_info[:]
    # The memory of what was cleared goes only with the message that it was in.
    return onnx.load_model_from_string(whole.SerializeToString())


def of_any_rank(model: onnx.ModelProto) -> set[str]:
    """Inputs and outputs that have no shape: neither sizes nor a number of dimensions."""
    values = (*model.graph.input, *model.graph.output)
    return {value.name for value in values if not value.type.tensor_type.HasField("shape")}


def first_dimensions(model: onnx.ModelProto) -> dict[str, int | Literal["rows"] | None]:
    """The first dimension of each output, derived from the nodes: `rows` where it is that of the inputs, whatever its
    size; a number where it is always that; None: not known.

    What the file declares of its outputs is left aside: a declaration may be wrong. The inputs' first dimensions are
    taken as one, where they are free or all of one size above 1.
    """
    derived = onnx.ModelProto()
    derived.CopyFrom(model)
    graph = derived.graph
    weights = {tensor.name for tensor in graph.initializer}
    _name_rows([value for value in graph.input if value.name not in weights])
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    declared: set[str] = set()
    for _ in range(_PASSES_MAX):
        inferred = shape_inference.infer_shapes(derived, data_prop=True).graph
        shapes = _shapes((*inferred.input, *inferred.output, *inferred.value_info))
        types = {value.name: value.type for value in (*inferred.value_info, *inferred.output)}
        found = {name: shape for name, shape in _also(graph, shapes) if name not in declared}
        if not found:
            break
        declared |= found.keys()
        for name, shape in found.items():
            kind = types[name].tensor_type.elem_type if name in types else onnx.TensorProto.UNDEFINED
            # Of many operators of ai.onnx.ml onnx does not infer the dtype either: most give float32.
            _declare(graph, name, kind or onnx.TensorProto.FLOAT, shape)
    firsts = {output.name: next(iter(shapes.get(output.name, ())), None) for output in graph.output}
    return {name: "rows" if one == _ROWS else one if isinstance(one, int) else None for name, one in firsts.items()}


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _name_rows(inputs: Iterable[onnx.ValueInfoProto]) -> None:
    shaped = [value.type.tensor_type.shape.dim for value in inputs if value.type.tensor_type.HasField("shape")]
    firsts = [dimensions[0] for dimensions in shaped if dimensions]
    sizes = {first.dim_value for first in firsts}  # 0: it is free
    fixed = len(sizes) == 1 and max(sizes) > 1
    for first in firsts:
        if fixed or not first.HasField("dim_value"):
            first.dim_param = _ROWS


def _shapes(values: Iterable[onnx.ValueInfoProto]) -> Shapes:
    return {
        value.name: [one.dim_param or (one.dim_value if one.HasField("dim_value") else None) for one in shape.dim]
        for value in values
        if value.type.tensor_type.HasField("shape") and (shape := value.type.tensor_type.shape) is not None
    }


def _also(graph: onnx.GraphProto, shapes: Shapes) -> Iterator[tuple[str, list[Dimension]]]:
    """Shapes that follow from those known, and that onnx does not infer."""
    numbers = _small_constants(graph)
    for node in graph.node:
        given = shapes.get(node.input[0]) if node.input else None
        if not given or given[0] != _ROWS:
            continue
        for name in node.output:
            made = _made(node, given, first=name == node.output[0], numbers=numbers)
            # A dimension that onnx cannot derive has a name that it makes up, or none.
            if name and made and not isinstance(next(iter(shapes.get(name, ())), None), int):
                yield name, made


def _made(
    node: onnx.NodeProto, given: list[Dimension], *, first: bool, numbers: Mapping[str, list[int]]
) -> list[Dimension] | None:
    """The shape of an output; None: not known. first: whether it is the node's first one."""
    if node.domain == "ai.onnx.ml":
        if node.op_type in _SAME_SHAPE:
            return given
        if node.op_type in _A_ROW_EACH and len(given) == _MATRIX:
            return [_ROWS] if first and node.op_type.endswith("Classifier") else [_ROWS, None]
        return [*given, None] if node.op_type == "OneHotEncoder" else None
    if node.op_type != "Reshape" or node.domain not in ("", "ai.onnx") or len(node.input) != _MATRIX:
        return None
    sizes, rest = numbers.get(node.input[1]), [size for size in given[1:] if isinstance(size, int)]
    # -1 is the rows where what follows takes all numbers of a row.
    if not sizes or sizes[0] != -1 or min(sizes[1:], default=1) < 1 or len(rest) != len(given) - 1:
        return None
    return [_ROWS, *sizes[1:]] if math.prod(rest) == math.prod(sizes[1:]) else None


def _small_constants(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """The whole numbers in the graph that a shape may be made of."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and len(node.output) == 1:
            tensors[node.output[0]] = node.attribute[0].t
    return {
        name: numpy_helper.to_array(tensor).ravel().tolist()
        for name, tensor in tensors.items()
        if tensor.data_type == onnx.TensorProto.INT64 and math.prod(tensor.dims) <= _LARGE
    }


def _declare(graph: onnx.GraphProto, name: str, kind: int, shape: list[Dimension]) -> None:
    declared = helper.make_tensor_value_info(name, kind, shape)
    for output in graph.output:
        if output.name == name:
            output.CopyFrom(declared)
            return
    graph.value_info.append(declared)
