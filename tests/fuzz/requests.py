"""Random requests for a model: what a user has, and the bytes in which they send it. Pure.

A request is made from true arrays, one per row and input. They are what the user means; the bytes are one of many ways
to say it. A cell is written with its own axes, flat, or with axes that nothing allows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import numpy as np
import pyarrow as pa

from tests.fuzz.signatures import Input
from tests.fuzz.tables import written

Cell = np.ndarray[Any, Any]

_TEXTS: Final = ("", "a", "ü", "0", "nan", "shelf\n", "x" * 80)
_NUMBERS: Final = (
    "float16",
    "float32",
    "float64",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
)
_EXTREMES: Final = (
    70_000.0,
    65_520.0,
    1e39,
    -1e300,
    300.0,
    -1.0,
    2.0**40,
    0.1,
    float("nan"),
    float("inf"),
    -float("inf"),
)
_NAMED: Final = "tensor"
_ROWS_MAX: Final = 4


@dataclass(frozen=True)
class Request:
    """cells: per input, by its name, the cell of each row as the bytes say it: its dtype and its axes.

    complete: no input lacks its column, and no cell a value.
    """

    value: bytes
    rows: int
    cells: dict[str, list[Cell]]
    complete: bool
    says: str
    """How it is written, for a person."""


@dataclass
class _Column:
    name: str
    cells: list[Cell]
    array: Any = None
    note: str = ""
    nulls: bool = False


@dataclass
class Sizes:
    """Of free dimensions: one size per name."""

    rng: Random
    known: dict[str | None, int] = field(default_factory=dict)

    def of(self, dim: int | str | None) -> int:
        if isinstance(dim, int):
            return dim
        size = self.rng.choice((1, 2, 2, 3, 4))
        return self.known.setdefault(dim, size)


def random_request(
    rng: Random, inputs: Sequence[Input], sizes: Sizes, *, single: bool, tensor_fields: Sequence[str] | None
) -> Request:
    """One to four rows. sizes: of the free dimensions, which mostly are the same in all requests."""
    rows = rng.choice((1, 1, rng.randint(1, _ROWS_MAX)))
    sizes = sizes if rng.random() < 0.7 else Sizes(rng)
    zeros = rng.choice((0.0, 0.0, 0.5, 0.8))
    as_json = rng.random() < 0.35
    names = _column_names(rng, inputs, tensor_fields)
    columns = []
    for one, name in zip(inputs, names, strict=True):
        odd = 0.0 if rng.random() < 0.6 else 0.35
        columns.append(_column(rng, one, name, rows, sizes, single=single, as_json=as_json, odd=odd, zeros=zeros))
    cells = {one.name: column.cells for one, column in zip(inputs, columns, strict=True)}
    complete = not any(column.nulls for column in columns)
    sent = columns + _extra(rng, names, rows)
    if rng.random() < 0.03:
        sent.pop(rng.randrange(len(columns)))
        complete = complete and {column.name for column in columns} <= {column.name for column in sent}
    rng.shuffle(sent)
    if not sent:
        sent = [_Column("unknown", [np.array(1.0)] * rows)]
    value = _json(sent, rows) if as_json else _arrow(rng, sent)
    notes = ", ".join(f"{column.name!r} {column.note}" for column in columns)
    return Request(value, rows, cells, complete, f"{'JSON' if as_json else 'Arrow'}: {notes}")


def _column_names(rng: Random, inputs: Sequence[Input], tensor_fields: Sequence[str] | None) -> list[str]:
    if tensor_fields is not None:
        return list(tensor_fields)
    return [_NAMED] if len(inputs) == 1 and rng.random() < 0.3 else [one.name for one in inputs]


def _extra(rng: Random, names: Sequence[str], rows: int) -> list[_Column]:
    """A column that no input takes."""
    name = rng.choice(("shop", "note", "camera id"))
    if rng.random() > 0.25 or name in names:
        return []
    texts = np.array([rng.choice(_TEXTS) for _ in range(rows)], dtype=object)
    return [_Column(name, [np.array(text, dtype=object) for text in texts])]


def _column(
    rng: Random,
    one: Input,
    name: str,
    rows: int,
    sizes: Sizes,
    *,
    single: bool,
    as_json: bool,
    odd: float,
    zeros: float,
) -> _Column:
    """odd: how likely something in it is not as the model declares it. zeros: of its numbers, so many are 0."""
    column = _Column(name, [])
    dtype = _sent_dtype(rng, one.dtype, odd)
    alter = rng.choice(_ALTERATIONS) if rng.random() < odd else _flat if rng.random() < 0.2 else _as_it_is
    dims = one.dims if one.dims is not None else tuple(rng.randint(1, 3) for _ in range(rng.randint(1, 4)))
    shape = tuple(sizes.of(dim) for dim in (dims if single else dims[1:]))
    bare = shape == () or one.dims == ()
    for _ in range(rows):
        if single and not bare and rng.random() < 0.3:
            shape = tuple(Sizes(rng).of(dim) for dim in dims)
        column.cells.append(alter(_values(rng, dtype, shape, zeros, extreme=rng.random() < odd / 4)))
    if len({cell.ndim for cell in column.cells}) > 1 or not (single or len({cell.shape for cell in column.cells}) == 1):
        column.cells = [column.cells[0]] * rows
    if as_json:
        column.cells = [_as_json_reads(cell) for cell in column.cells]
        if any(cell.dtype.kind == "f" and not np.isfinite(cell).all() for cell in column.cells):
            column.cells = [np.where(np.isfinite(cell), cell, 1.0) for cell in column.cells]
    else:
        column.array, column.note = _arrow_column(rng, column.cells)
    column.note += f" {column.cells[0].dtype} {[list(cell.shape) for cell in column.cells]} ({alter.__name__[1:]})"
    if rng.random() < odd / 8:
        column.nulls = True
        column.array = pa.array(
            [None] * rows, type=pa.list_(pa.float32()) if column.array is None else column.array.type
        )
        column.note += ", null"
    return column


def _sent_dtype(rng: Random, dtype: str, odd: float) -> str:
    if rng.random() < odd:
        return rng.choice((*_NUMBERS, "bool", "string"))
    if dtype.startswith("float") and rng.random() < 0.4:
        return rng.choice(("float64", "float32", "int64", "int32", "uint8", "float16"))
    return "int64" if "int" in dtype and rng.random() < 0.4 else dtype


def _values(rng: Random, dtype: str, shape: tuple[int, ...], zeros: float, *, extreme: bool) -> Cell:
    """Small numbers, exact in every dtype; perhaps an extreme one among them."""
    count = int(np.prod(shape))
    if dtype == "string":
        return np.array([rng.choice(_TEXTS) for _ in range(count)], dtype=object).reshape(shape)
    if dtype == "bool":
        return np.array([rng.random() >= max(zeros, 0.3) for _ in range(count)], dtype=bool).reshape(shape)
    least = 0 if dtype.startswith("u") else -50
    numbers = np.array([rng.randint(least, 50) if rng.random() >= zeros else 0 for _ in range(count)], np.float64)
    if dtype.startswith("f") and rng.random() < 0.5:
        numbers /= 2
    if extreme and count:
        numbers[rng.randrange(count)] = rng.choice(_EXTREMES)
    with np.errstate(all="ignore"):
        return numbers.astype(dtype).reshape(shape)


def _as_it_is(cell: Cell) -> Cell:
    return cell


def _flat(cell: Cell) -> Cell:
    return cell.ravel()


def _number(cell: Cell) -> Cell:
    return cell.reshape(()) if cell.size == 1 else cell.ravel()


def _one_more_axis(cell: Cell) -> Cell:
    return cell[None]


def _one_axis_less(cell: Cell) -> Cell:
    return cell[0, ...] if cell.ndim else cell


def _axes_swapped(cell: Cell) -> Cell:
    return np.ascontiguousarray(cell.T)


def _last_axis_first(cell: Cell) -> Cell:
    return np.ascontiguousarray(np.moveaxis(cell, -1, 0)) if cell.ndim else cell


def _two_axes_as_one(cell: Cell) -> Cell:
    return cell.reshape(-1, *cell.shape[2:]) if cell.ndim > 2 else cell


def _of_another_size(cell: Cell) -> Cell:
    return np.concatenate([cell, cell]) if cell.ndim else cell


def _last_axis_split(cell: Cell) -> Cell:
    return cell[..., None]


_ALTERATIONS: Final = (
    *(_as_it_is, _as_it_is, _flat, _number, _one_more_axis, _one_axis_less),
    *(_axes_swapped, _last_axis_first, _two_axes_as_one, _of_another_size, _last_axis_split),
)


def _as_json_reads(cell: Cell) -> Cell:
    """JSON has one kind of float and one of integers."""
    kind = cell.dtype.kind
    return cell.astype(np.float64) if kind == "f" else cell.astype(np.int64) if kind in "iu" else cell


def _json(columns: Sequence[_Column], rows: int) -> bytes:
    empty = {column.name for column in columns if column.nulls}
    records = [
        {column.name: None if column.name in empty else column.cells[row].tolist() for column in columns}
        for row in range(rows)
    ]
    return json.dumps(records, ensure_ascii=False).encode()


def _arrow(rng: Random, columns: Sequence[_Column]) -> bytes:
    """A stream or a file, compressed or not, in one batch or one per row."""
    arrays = [_arrow_column(rng, column.cells)[0] if column.array is None else column.array for column in columns]
    table = pa.Table.from_arrays(arrays, names=[column.name for column in columns])
    if rng.random() < 0.2:
        table = pa.concat_tables([table.slice(row, 1) for row in range(table.num_rows)])
    return written(table, rng.choice((None, None, "zstd", "lz4")), as_file=rng.random() < 0.2)


def _arrow_column(rng: Random, cells: Sequence[Cell]) -> tuple[Any, str]:
    """The column, and how its lists are made."""
    way = rng.choice(("list", "list", "list", "fixed-size list", "large list", "dictionary", "sliced"))
    if cells[0].ndim and ((way == "fixed-size list" and len({cell.shape for cell in cells}) > 1) or cells[0].size == 0):
        way = "list"
    if way == "dictionary" and cells[0].dtype == np.float16:
        way = "list"  # Arrow does not encode half floats so
    arrays = [_arrow_cell(cell, way) for cell in cells]
    if way == "sliced":
        return pa.concat_arrays([arrays[0], *arrays]).slice(1), way
    return pa.concat_arrays(arrays), way


def _arrow_cell(cell: Cell, way: str) -> Any:
    """An Arrow array of one row."""
    flat = cell.ravel()
    values: Any = pa.array(flat.tolist(), pa.string()) if cell.dtype == object else pa.array(flat)
    if way == "dictionary":
        # One dictionary for all rows: batches of a stream share it.
        values = _indexed(values, _TEXTS) if cell.dtype == object else values.dictionary_encode()
    count = cell.size
    for size in reversed(cell.shape):
        count = count // size if size else 0
        lists = max(count, 1)
        if way == "fixed-size list":
            values = pa.FixedSizeListArray.from_arrays(values, size)
        else:
            kind: Any = pa.LargeListArray if way == "large list" else pa.ListArray
            offsets = pa.array(range(0, lists * size + 1, size) if size else [0] * (lists + 1), pa.int64())
            values = kind.from_arrays(offsets if way == "large list" else offsets.cast(pa.int32()), values)
    return values


def _indexed(values: Any, texts: Sequence[str]) -> Any:
    indices = pa.array([texts.index(text) for text in values.to_pylist()], pa.int32())
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts))
