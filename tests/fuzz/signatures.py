"""Random small ONNX models: their declared inputs and outputs, and what is true of each output. Pure.

What an output is, its maker knows, whatever the file declares: whether its first axis has one entry per row of the
batch, and whether a row's entry is the same without the rows beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dims = tuple[int | str | None, ...]
"""Sizes, names of free dimensions, and None for a free one without a name."""

KINDS: Final[dict[str, int]] = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}
_COMMON: Final = ("float32", "float32", "float32", "float32", "float64", "float16", "int64", "int32", "uint8")
_SUMMED: Final = frozenset({"float32", "float64", "int32", "int64"})
_BATCH_NAMES: Final = ("N", "batch", "batch_size", "unk__7", "?", None)
_FREE_NAMES: Final = ("H", "W", "len", "N", None)
_NAMES: Final = ("x", "tensor", "input:0", "a b", "ünï", "in.x", "time", "0", "x" * 30, "serving_default/x", "a|b", "'")
_OUTPUT_NAMES: Final = ("y", "out", "output:0", "det é", "in.y", "out.y", "time_", "1", "y" * 30, "tensor_", "label")


@dataclass(frozen=True)
class Input:
    """As the file declares it. dims None: of any rank."""

    name: str
    dtype: str
    dims: Dims | None

    @property
    def sizes(self) -> tuple[int | None, ...] | None:
        """None where a dimension is free."""
        return None if self.dims is None else tuple(size if isinstance(size, int) else None for size in self.dims)


@dataclass(frozen=True)
class Output:
    """What is true of it. honest: the file declares its first dimension as it is."""

    name: str
    dtype: str
    dims: Dims | None
    per_row: bool
    """Its first axis has one entry per row of the batch, in order."""
    independent: bool
    """The entry of a row is the same without the rows beside it."""
    made_of: str
    """The input that it is made of."""
    honest: bool = True


@dataclass(frozen=True)
class Model:
    """content: the file's bytes."""

    content: bytes
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]

    def __str__(self) -> str:
        """The model in ONNX's own text, which `onnx.parser.parse_model` reads."""
        return str(onnx.printer.to_text(onnx.load_from_string(self.content)))


@dataclass(frozen=True)
class _Made:
    """nodes: the last one's output is `?`."""

    nodes: tuple[Any, ...]
    dtype: str
    dims: Dims | None
    per_row: bool
    independent: bool = True
    constants: tuple[Any, ...] = ()


def random_model(rng: Random, inputs: Sequence[Input] | None = None) -> Model:
    """One to three outputs, each made of one of one to three inputs. inputs: these, where they are given."""
    taken = tuple(inputs) if inputs is not None else _random_inputs(rng)
    free = [name for name in _OUTPUT_NAMES if name not in {one.name for one in taken}]
    names = rng.sample(free, rng.choice((1, 1, 1, 2, 3)))
    nodes: list[Any] = []
    constants: list[Any] = []
    outputs = []
    for number, name in enumerate(names):
        one = rng.choice(taken)
        makers = [make for make in _MAKERS if (_applies(make, one))]
        made = rng.choice(makers)(rng, one)
        for node in made.nodes:
            for field in (node.input, node.output):
                field[:] = [_local(text, number, name) for text in field]
        for constant in made.constants:
            constant.name = f"{constant.name}_{number}"
        nodes += made.nodes
        constants += made.constants
        outputs.append(Output(name, made.dtype, made.dims, made.per_row, made.independent, one.name))
    declared = [_declared(rng, output, taken) for output in outputs]
    infos = [helper.make_tensor_value_info(one.name, KINDS[one.dtype], _written(one.dims)) for one in taken]
    made_infos = [helper.make_tensor_value_info(one.name, KINDS[one.dtype], _written(dims)) for one, dims in declared]
    graph = helper.make_graph(nodes, "fuzzed", infos, made_infos, constants)
    opsets = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return Model(content, taken, tuple(output for output, _ in declared))


def _random_inputs(rng: Random) -> tuple[Input, ...]:
    names = rng.sample(_NAMES, rng.choice((1, 1, 1, 2, 3)))
    batch = rng.choice(_BATCH_NAMES)
    return tuple(Input(name, _random_dtype(rng), _random_dims(rng, batch)) for name in names)


def _random_dtype(rng: Random) -> str:
    return rng.choice(_COMMON) if rng.random() < 0.8 else rng.choice(list(KINDS))


def _random_dims(rng: Random, batch: str | None) -> Dims | None:
    if rng.random() < 0.06:
        return None
    rank = rng.choice((0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5))
    first = rng.choice((batch, batch, batch, rng.choice(_BATCH_NAMES), 1, 1, rng.randint(2, 4)))
    others = (rng.randint(1, 4) if rng.random() < 0.75 else rng.choice(_FREE_NAMES) for _ in range(rank - 1))
    return () if rank == 0 else (first, *others)


def _declared(rng: Random, output: Output, inputs: Sequence[Input]) -> tuple[Output, Dims | None]:
    """The output, and what the file declares of it: the truth, nothing, another name, or the batch's, which may be a
    lie."""
    dims = output.dims
    chance = rng.random()
    if chance < 0.15 or dims is None:
        return replace(output, honest=False), None
    if not dims or chance < 0.6:
        return output, dims
    if chance < 0.8:
        return replace(output, honest=False), ("num_det", *dims[1:])
    (batch, *_) = [one.dims[0] for one in inputs if one.dims] or [None]
    if isinstance(dims[0], int):
        return output, dims
    return replace(output, honest=output.per_row), (batch, *dims[1:])


def _written(dims: Dims | None) -> list[int | str | None] | None:
    return None if dims is None else list(dims)


def _local(text: str, number: int, output: str) -> str:
    """`?` is the output; what begins with `_` belongs to this output alone."""
    return output if text == "?" else f"{text}_{number}" if text.startswith("_") else text


def _applies(make: "_Maker", one: Input) -> bool:
    needs_rank, dtypes = _MAKERS[make]
    rank = None if one.dims is None else len(one.dims)
    return ((rank is None and needs_rank == 0) or (rank is not None and rank >= needs_rank)) and (
        dtypes is None or one.dtype in dtypes
    )


_Maker = Callable[[Random, Input], _Made]


def _identity(_: Random, one: Input) -> _Made:
    return _Made((helper.make_node("Identity", [one.name], ["?"]),), one.dtype, one.dims, one.dims != ())


def _double(_: Random, one: Input) -> _Made:
    return _Made((helper.make_node("Add", [one.name, one.name], ["?"]),), one.dtype, one.dims, one.dims != ())


def _cast(rng: Random, one: Input) -> _Made:
    to = rng.choice(("float64", "float32", "int64", "float16"))
    node = helper.make_node("Cast", [one.name], ["?"], to=KINDS[to])
    return _Made((node,), to, one.dims, one.dims != ())


def _sum_of_rows(rng: Random, one: Input) -> _Made:
    keep = rng.random() < 0.5
    dims = None if one.dims is None else ((1, *one.dims[1:]) if keep else one.dims[1:])
    axes = numpy_helper.from_array(np.array([0], np.int64), "_axes")
    node = helper.make_node("ReduceSum", [one.name, "_axes"], ["?"], keepdims=int(keep))
    return _Made((node,), one.dtype, dims, per_row=False, constants=(axes,))


def _sum_in_row(_: Random, one: Input) -> _Made:
    axes = numpy_helper.from_array(np.array([-1], np.int64), "_axes")
    node = helper.make_node("ReduceSum", [one.name, "_axes"], ["?"], keepdims=0)
    assert one.dims is not None
    return _Made((node,), one.dtype, one.dims[:-1], per_row=True, constants=(axes,))


def _transpose(_: Random, one: Input) -> _Made:
    assert one.dims is not None
    return _Made((helper.make_node("Transpose", [one.name], ["?"]),), one.dtype, one.dims[::-1], per_row=False)


def _found(_: Random, one: Input) -> _Made:
    """A list for the whole batch, as detectors with their suppression inside give it: [number found, rank]."""
    assert one.dims is not None
    nodes = (helper.make_node("NonZero", [one.name], ["_at"]), helper.make_node("Transpose", ["_at"], ["?"]))
    return _Made(nodes, "int64", ("num_found", len(one.dims)), per_row=False)


def _constant(rng: Random, _: Input) -> _Made:
    shape = rng.choice(((), (1,), (2,), (3,), (2, 2), (1, 3)))
    value = numpy_helper.from_array(np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape), "_value")
    node = helper.make_node("Identity", ["_value"], ["?"])
    return _Made((node,), "float32", shape, per_row=False, constants=(value,))


def _shape(_: Random, one: Input) -> _Made:
    dims = None if one.dims is None else (len(one.dims),)
    return _Made((helper.make_node("Shape", [one.name], ["?"]),), "int64", dims, per_row=False)


def _running_sum(_: Random, one: Input) -> _Made:
    axis = numpy_helper.from_array(np.array(0, np.int64), "_axis")
    node = helper.make_node("CumSum", [one.name, "_axis"], ["?"])
    return _Made((node,), one.dtype, one.dims, per_row=True, independent=False, constants=(axis,))


def _reversed_rows(_: Random, one: Input) -> _Made:
    numbers = {"_starts": -1, "_ends": -(2**31), "_axes": 0, "_steps": -1}
    constants = tuple(numpy_helper.from_array(np.array([value], np.int64), name) for name, value in numbers.items())
    node = helper.make_node("Slice", [one.name, *numbers], ["?"])
    return _Made((node,), one.dtype, one.dims, per_row=True, independent=False, constants=constants)


def _twice(_: Random, one: Input) -> _Made:
    assert one.dims is not None
    node = helper.make_node("Concat", [one.name, one.name], ["?"], axis=0)
    first = 2 * one.dims[0] if isinstance(one.dims[0], int) else "twice"
    return _Made((node,), one.dtype, (first, *one.dims[1:]), per_row=False)


def _merged(_: Random, one: Input) -> _Made:
    """The first two axes as one, as models do that look at each part of a picture alone."""
    assert one.dims is not None
    shape = numpy_helper.from_array(np.array([-1], np.int64), "_shape")
    node = helper.make_node("Reshape", [one.name, "_shape"], ["?"])
    fixed = all(isinstance(size, int) for size in one.dims)
    first = int(np.prod([size for size in one.dims if isinstance(size, int)])) if fixed else "all"
    per_row = all(size == 1 for size in one.dims[1:])
    return _Made((node,), one.dtype, (first,), per_row, constants=(shape,))


def _first_row(_: Random, one: Input) -> _Made:
    assert one.dims is not None
    index = numpy_helper.from_array(np.array([0], np.int64), "_index")
    node = helper.make_node("Gather", [one.name, "_index"], ["?"], axis=0)
    return _Made((node,), one.dtype, (1, *one.dims[1:]), per_row=False, constants=(index,))


_MAKERS: Final[dict[_Maker, tuple[int, frozenset[str] | None]]] = {
    _identity: (0, None),
    _double: (0, _SUMMED),
    _cast: (0, frozenset({"float32", "float64", "int32", "uint8", "bool", "float16"})),
    _sum_of_rows: (1, _SUMMED),
    _sum_in_row: (2, _SUMMED),
    _transpose: (2, None),
    _found: (1, frozenset({"float32", "int64", "bool", "int32", "uint8"})),
    _constant: (0, None),
    _shape: (0, None),
    _running_sum: (1, _SUMMED),
    _reversed_rows: (1, _SUMMED),
    _twice: (1, _SUMMED),
    _merged: (2, None),
    _first_row: (1, None),
}
"""By maker: the least rank, and the dtypes that it takes."""
