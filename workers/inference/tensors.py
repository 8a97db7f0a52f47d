"""A request becomes a model's input arrays: columns of a table, or an encoded image.

`Inputs` are the arrays of one request, ready for the first step. float64 and integers are cast to
a float model's type; nothing else is guessed.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from adapters.images import decode_image, image_tensor
from schemas.errors import Refused
from schemas.frames import Frame, is_table
from schemas.limits import DIMENSIONS_MAX, TABLE_BYTES_MAX
from schemas.models import PinnedModel, TensorSpec
from schemas.tables import read_table
from schemas.wiring import wire_request

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]

_LISTS: Final = (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)
_TEXT_BYTES: Final = 64
"""What a text takes in Python beside its characters, which are of up to _CHARACTER_BYTES."""
_CHARACTER_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Inputs:
    """runs: one dict of arrays per run of the path. rows: input rows per run (1 where configured `single`)."""

    runs: tuple[Arrays, ...]
    rows: int


def request_inputs(frame: Frame, pinned: PinnedModel) -> Inputs:
    """The arrays of one request for the first model of its path. Refused where they do not fit."""
    content_type = frame.content_type
    if is_table(content_type):
        return table_inputs(read_table(content_type, frame.value), pinned)
    spec = _image_input(pinned)
    settings = pinned.configuration.image
    tensor = image_tensor(decode_image(frame.value, settings), settings, spec)
    return Inputs(({spec.name: _fit(tensor, spec, pinned, rows=1)},), rows=1)


def table_inputs(table: pa.Table, pinned: PinnedModel) -> Inputs:
    """Rows stack on the batch axis; where configured `single`, each row is a whole input of its own."""
    names = [spec.name for spec in pinned.inputs]
    try:
        wires = wire_request(table.column_names, names, pinned.configuration.tensor_fields)
    except ValueError as error:
        raise Refused("MissingField", f"model {pinned.model.name}: {error}", "decode") from error
    _check_cells(table, wires, pinned)
    table = table.select(list(dict.fromkeys(wires.values()))).combine_chunks()
    if pinned.configuration.batch_config == "single":
        rows = [table.slice(row, 1) for row in range(table.num_rows)]
        return Inputs(tuple(_arrays(row, wires, pinned) for row in rows), rows=1)
    return Inputs((_arrays(table, wires, pinned),), rows=table.num_rows)


def _arrays(table: pa.Table, wires: dict[str, str], pinned: PinnedModel) -> Arrays:
    return {spec.name: _fit(_dense(table, wires[spec.name]), spec, pinned, table.num_rows) for spec in pinned.inputs}


def _check_cells(table: pa.Table, wires: dict[str, str], pinned: PinnedModel) -> None:
    """Refused where the arrays would take more than a table may: lists of no length have many cells in few bytes, a
    byte may become eight, and a text an object."""
    size = 0
    for spec in pinned.inputs:
        for chunk in table.column(wires[spec.name]).chunks:
            cells, values = len(chunk), _storage(chunk)
            while isinstance(values, _LISTS) and not values.null_count:
                # Where one dimension is 0 there is no cell, and the others may still be as large as they like.
                cells *= max(1, values.type.list_size) if isinstance(values, pa.FixedSizeListArray) else 1
                values = values.flatten()
                cells = max(cells, len(values))
            text = values.nbytes * _CHARACTER_BYTES if _is_text(values.type) else 0
            size += cells * (_TEXT_BYTES if text or spec.dtype == "string" else np.dtype(spec.dtype).itemsize) + text
    if size > TABLE_BYTES_MAX:
        message = f"the model's inputs would take {size} bytes; expected at most {TABLE_BYTES_MAX}: send fewer rows"
        raise Refused("TableTooLarge", message, "decode")


def _dense(table: pa.Table, column: str) -> Array:
    """The column as one array [rows, ...]. Refused where cells are missing or of different lengths."""
    values: Any = _storage(table.column(column).combine_chunks())
    shape = [len(values)]
    while isinstance(values, _LISTS):
        if len(shape) == DIMENSIONS_MAX:
            raise Refused(
                "WrongShape", f"column {column!r}: lists in lists, deeper than {DIMENSIONS_MAX} dimensions", "decode"
            )
        _refuse_nulls(values, column)
        shape.append(_width(values, column))
        values = values.flatten()
    _refuse_nulls(values, column)
    if _is_text(values.type):
        return np.asarray(values.to_pylist(), dtype=object).reshape(shape)
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)):
        raise Refused(
            "WrongDtype",
            f"column {column!r} is {values.type}; expected numbers, booleans or text, or lists of them",
            "decode",
        )
    return _numbers(values).reshape(shape)


def _storage(values: Any) -> Any:
    """What an extension type is made of; others as they are."""
    return values.storage if isinstance(values, pa.ExtensionArray) else values


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _width(lists: Any, column: str) -> int:
    """The length of each. Refused where they differ."""
    if isinstance(lists, pa.FixedSizeListArray):
        return int(lists.type.list_size)
    lengths = _numbers(lists.value_lengths())
    if len(lengths) and lengths.min() != lengths.max():
        raise Refused(
            "WrongShape",
            f"column {column!r}: cells of different lengths in one request; expected equal lengths",
            "decode",
        )
    return int(lengths[0]) if len(lengths) else 0


def _numbers(values: Any) -> Array:
    """The numbers as they lie in memory: `to_numpy` would import pandas into every model process first."""
    _validity, numbers = values.buffers()
    if pa.types.is_boolean(values.type):
        begin, first = divmod(values.offset, 8)
        bits = np.frombuffer(numbers or b"", np.uint8)[begin:]
        return np.unpackbits(bits, count=first + len(values), bitorder="little")[first:].view(bool)
    dtype = np.dtype(values.type.to_pandas_dtype())
    if numbers is None:
        return np.empty(0, dtype)
    return np.frombuffer(numbers, dtype, count=len(values), offset=values.offset * dtype.itemsize)


def _refuse_nulls(values: Any, column: str) -> None:
    if values.null_count:
        raise Refused("WrongDtype", f"column {column!r} has nulls; expected a value in every cell", "decode")


def _fit(array: Array, spec: TensorSpec, pinned: PinnedModel, rows: int) -> Array:
    """`array` in the dtype and shape that the input declares."""
    single = pinned.configuration.batch_config == "single"
    return _in_dtype(_in_shape(array, spec, rows, single), spec)


def _in_dtype(array: Array, spec: TensorSpec) -> Array:
    if spec.dtype == "string":
        if array.dtype == object:
            return array
    else:
        wanted = np.dtype(spec.dtype)
        if array.dtype == wanted:
            return array
        if wanted.kind == "f" and array.dtype.kind in "fiu":
            return array.astype(wanted)
        if wanted.kind in "iu" and array.dtype.kind in "iu":
            cast = array.astype(wanted)
            if np.array_equal(cast, array):
                return cast
            raise Refused("WrongDtype", f"input {spec.name!r}: a value does not fit into {spec.dtype}", "decode")
    came = "string" if array.dtype == object else str(array.dtype)
    raise Refused("WrongDtype", f"input {spec.name!r}: {came} came; expected {spec.dtype}", "decode")


def _in_shape(array: Array, spec: TensorSpec, rows: int, single: bool) -> Array:
    """Flat cells take the input's declared dimensions, as long as at most one of them is open."""
    if spec.shape is None:
        return array
    if not spec.shape:
        wanted: tuple[int | None, ...] = ()
    elif single:
        wanted = spec.shape
    elif spec.shape[0] not in (None, rows):
        hint = 'configure(batch_config="single") runs each row alone' if spec.shape[0] == 1 else "send as many as that"
        raise _wrong_shape(array, spec, f"its first dimension is fixed at {spec.shape[0]}, {rows} rows came: {hint}")
    else:
        wanted = (rows, *spec.shape[1:])
    if len(array.shape) == len(wanted) and all(
        size in (None, came) for size, came in zip(wanted, array.shape, strict=True)
    ):
        return array
    if sum(size is None for size in wanted) > 1:
        raise _wrong_shape(array, spec, "more than one of its dimensions is free: send nested lists")
    try:
        return array.reshape([-1 if size is None else size for size in wanted])
    except ValueError:
        raise _wrong_shape(array, spec, f"{array.size // max(1, len(array))} values a row came") from None


def _wrong_shape(array: Array, spec: TensorSpec, why: str) -> Refused:
    shape = ["?" if size is None else size for size in spec.shape or ()]
    return Refused(
        "WrongShape",
        f"input {spec.name!r}: {list(array.shape)} came; expected {shape}: {why}",
        "decode",
    )


def _image_input(pinned: PinnedModel) -> TensorSpec:
    """The input that takes a picture: the only one, or the only one with four dimensions."""
    specs = pinned.inputs
    if len(specs) == 1 and (specs[0].shape is None or len(specs[0].shape) == 4):
        return specs[0]
    takes = ", ".join(f"{spec.name} {list(spec.shape or ())}" for spec in specs)
    raise Refused(
        "MissingField",
        f"an image came, but model {pinned.model.name} takes {takes}; expected a model with one input "
        "of four dimensions, or a table with its columns",
        "decode",
    )
