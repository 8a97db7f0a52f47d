"""A table becomes a model's input arrays, or is refused. Pure.

The SDK calls it before it sends a table, a model process when it has read one: what the one refuses, the other would.
Numbers are cast by `schemas.tables.casting`. Axes that a cell has are never folded into others:

    a cell                            becomes
    nested as deep as the input       itself; each dimension must be the declared one, where that is fixed
    with a leading 1 more or less     itself, with the leading 1 dropped or added
    flat: one list, or one value      the declared dimensions, where at most one of them is free
    anything else                     WrongShape

What is declared is the shape of a row: the input's shape without its first dimension, on which rows stack; the whole
shape for a scalar, and where the model is configured `single`.
"""

import math
from typing import Any, Final

import numpy as np
import pyarrow as pa

from schemas.errors import RefusalCode, Refused
from schemas.limits import DIMENSIONS_MAX, TABLE_BYTES_MAX
from schemas.models import PinnedModel, TensorSpec
from schemas.tables.casting import TEXT, Array, cast
from schemas.tables.encodings import decode_columns
from schemas.wiring import wire_request

Arrays = dict[str, Array]

Column = Array | list[Array]
"""One input's rows: one array [rows, ...], or an array per row where their shapes differ."""

DimensionSizes = tuple[int | None, ...]

_LISTS: Final = (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)
_TEXT_BYTES: Final = 64
"""What a text takes in Python beside its characters, which are of up to _CHARACTER_BYTES."""
_CHARACTER_BYTES: Final = 4


def fit_table(table: pa.Table, pinned: PinnedModel) -> dict[str, Column]:
    """Per input of the model its rows, in the input's dtype and shape.

    Raises:
        Refused: MissingField, WrongDtype, WrongShape or TableTooLarge; the message names the input, what came and
            what is expected.
    """
    names = [spec.name for spec in pinned.inputs]
    if not names:
        # An older version uploaded it.
        raise _refused("MissingField", f"model {pinned.model.name} has no inputs; expected at least one")
    try:
        wires = wire_request(table.column_names, names, pinned.configuration.tensor_fields)
    except ValueError as error:
        raise Refused("MissingField", f"model {pinned.model.name}: {error}", "decode") from error
    table = decode_columns(table, wires.values())
    _check_cells(table, wires, pinned)
    return {spec.name: _column(table, wires[spec.name], spec, pinned) for spec in pinned.inputs}


def runs(columns: dict[str, Column], pinned: PinnedModel, *, together: bool) -> tuple[Arrays, ...]:
    """The inputs of each run: one of all rows, or one per row.

    Args:
        columns: of `fit_table`.
        pinned: the model that takes them.
        together: whether rows may be one run; see `PinnedModel.stacks`. Rows of different shapes never are.
    """
    rows = len(next(iter(columns.values())))
    if together and all(isinstance(column, np.ndarray) for column in columns.values()):
        return ({name: np.asarray(column) for name, column in columns.items()},)
    stacking = {spec.name: _stacks(spec, pinned) for spec in pinned.inputs}
    return tuple(
        {name: _row(column, row, stacking=stacking[name]) for name, column in columns.items()} for row in range(rows)
    )


def _row(column: Column, row: int, *, stacking: bool) -> Array:
    """One row as a run takes it. stacking: with the dimension on which rows stack."""
    if isinstance(column, list):
        return column[row][np.newaxis] if stacking else column[row]
    # An index of () keeps a scalar an array.
    return column[row : row + 1] if stacking else column[row, ...]


def _stacks(spec: TensorSpec, pinned: PinnedModel) -> bool:
    """Whether an input has a dimension on which rows stack. A Python step declares none, and always has it."""
    if pinned.configuration.runtime == "python":
        return True
    return pinned.configuration.batch_config != "single" and spec.shape != ()


def _column(table: pa.Table, name: str, spec: TensorSpec, pinned: PinnedModel) -> Column:
    column = table.column(name).combine_chunks()
    rows = len(column)
    _refuse_fixed(spec, pinned, rows)
    whole = _dense(column, name)
    if whole is not None:
        return _fit(whole, spec, pinned)
    if rows == 1 or (spec.shape and spec.shape[0] == rows and _stacks(spec, pinned)):
        raise _refused("WrongShape", f"column {name!r}: lists of different lengths; expected equal lengths")
    fitted: list[Array] = []
    for row in range(rows):
        alone = _dense(column.slice(row, 1), name)
        if alone is None:
            why = f"column {name!r}: lists of different lengths in row {row}; expected equal lengths"
            raise _refused("WrongShape", why)
        fitted.append(_fit(alone, spec, pinned)[0, ...])
    return fitted


def _refuse_fixed(spec: TensorSpec, pinned: PinnedModel, rows: int) -> None:
    """Refused where the model takes a fixed number of rows and the table has another, or they are not known to be
    rows."""
    fixed = spec.shape[0] if spec.shape and _stacks(spec, pinned) else None
    if fixed is None or fixed == rows == 1 or (fixed == rows and pinned.stacks(rows)):
        return
    why = f"input {spec.name!r} has a first dimension of {fixed}, {rows} rows came; expected "
    if fixed == 1:
        raise _refused("WrongShape", f"{why}one row, or configure(batch_config='single'), which runs each row alone")
    if fixed != rows and pinned.stacks(fixed or 0):
        raise _refused("WrongShape", f"{why}{fixed} rows")
    raise _refused(
        "WrongShape",
        f"{why}one row with the whole {spec.shown_shape} and configure(batch_config='single'), or {fixed} rows and "
        "configure(outputs_per_row=True) where each row has its own entry in every output",
    )


def _fit(rows: Array, spec: TensorSpec, pinned: PinnedModel) -> Array:
    """[rows, ...] in the input's dtype and shape."""
    shaped = rows
    if spec.shape is not None:
        stacking = _stacks(spec, pinned)
        declared = spec.shape[1:] if stacking else spec.shape
        shape = fitted_shape(rows.shape[1:], declared, batch=not stacking)
        if shape is None:
            raise _wrong_shape(rows.shape[1:], spec, declared)
        shaped = rows.reshape(len(rows), *shape)
    try:
        return cast(shaped, spec.dtype, f"input {spec.name!r}")
    except ValueError as error:
        raise _refused("WrongDtype", str(error)) from error


def fitted_shape(cell: tuple[int, ...], declared: DimensionSizes, *, batch: bool) -> tuple[int, ...] | None:
    """The shape that a cell takes, see the table above; None: it does not fit.

    Args:
        cell: its own shape, `()` for one value.
        declared: of a row, a free dimension as None.
        batch: whether the first declared dimension is the batch, which is 1 where a cell leaves it out.
    """
    if (same := _same(cell, declared)) is not None:
        return same
    if cell[:1] == (1,) and (dropped := _same(cell[1:], declared)) is not None:
        return dropped
    adds = declared[:1] == (1,) or (batch and declared[:1] == (None,))
    if adds and cell and (rest := _same(cell, declared[1:])) is not None:
        return (1, *rest)
    if len(cell) <= 1:
        return _unfolded(math.prod(cell), declared)
    return None


def _same(cell: tuple[int, ...], declared: DimensionSizes) -> tuple[int, ...] | None:
    """The cell's own shape where it is the declared one; None where a dimension differs. An empty list has no lists in
    it, whose length could be known: there the declared one counts."""
    if len(cell) != len(declared):
        return None
    known = cell.index(0) + 1 if 0 in cell else len(cell)
    if any(size not in (None, came) for came, size in zip(cell[:known], declared, strict=False)):
        return None
    return cell[:known] + tuple(size or 0 for size in declared[known:])


def _unfolded(values: int, declared: DimensionSizes) -> tuple[int, ...] | None:
    """The declared dimensions of a flat cell, its one free dimension by the number of values."""
    free = [axis for axis, size in enumerate(declared) if size is None]
    known = math.prod(size for size in declared if size is not None)
    if not free:
        return tuple(size or 0 for size in declared) if values == known else None
    if len(free) > 1 or known == 0 or values % known:
        return None
    return tuple(values // known if size is None else size for size in declared)


def _wrong_shape(cell: tuple[int, ...], spec: TensorSpec, declared: DimensionSizes) -> Refused:
    shape = spec.shape or ()
    names = (spec.dimensions or (None,) * len(shape))[len(shape) - len(declared) :]
    expected = TensorSpec("", spec.dtype, declared, names).shown_shape
    whole = "" if len(declared) == len(shape) else f", a row of the model's {spec.shown_shape}"
    flat = len(cell) <= 1 and declared.count(None) > 1
    why = "; more than one of its dimensions is free: send nested lists" if flat else ""
    return _refused("WrongShape", f"input {spec.name!r}: a cell of {list(cell)} came; expected {expected}{whole}{why}")


def _check_cells(table: pa.Table, wires: dict[str, str], pinned: PinnedModel) -> None:
    """Refused where the arrays would take more than a table may: lists of no length have many cells in few bytes, a
    byte may become eight, and a text an object."""
    size = 0
    for spec in pinned.inputs:
        for chunk in table.column(wires[spec.name]).chunks:
            cells, values = len(chunk), chunk
            while isinstance(values, _LISTS) and not values.null_count:
                # Where one dimension is 0 there is no cell, and the others may still be as large as they like.
                cells *= max(1, values.type.list_size) if isinstance(values, pa.FixedSizeListArray) else 1
                values = values.flatten()
                cells = max(cells, len(values))
            text = values.nbytes * _CHARACTER_BYTES if _is_text(values.type) else 0
            size += cells * (_TEXT_BYTES if text or spec.dtype == TEXT else _item_bytes(spec.dtype)) + text
    if size > TABLE_BYTES_MAX:
        message = f"the model's inputs would take {size} bytes; expected at most {TABLE_BYTES_MAX}: send fewer rows"
        raise _refused("TableTooLarge", message)


def _item_bytes(dtype: str) -> int:
    """Of one number. A dtype that numpy does not have is refused by `cast`."""
    try:
        return np.dtype(dtype).itemsize
    except TypeError:
        return 1


def _dense(column: Any, name: str) -> Array | None:
    """A column as one array [rows, ...]; None where lists have different lengths. Refused where cells are missing."""
    values: Any = column
    shape = [len(values)]
    while isinstance(values, _LISTS):
        if len(shape) == DIMENSIONS_MAX:
            why = f"column {name!r}: lists in lists, deeper than {DIMENSIONS_MAX} dimensions"
            raise _refused("WrongShape", why)
        _refuse_nulls(values, name)
        width = _width(values)
        if width is None:
            return None
        shape.append(width)
        values = values.flatten()
    _refuse_nulls(values, name)
    return _flat(values, name).reshape(shape)


def _flat(values: Any, name: str) -> Array:
    kind = values.type
    if _is_text(kind):
        return np.asarray(values.to_pylist(), dtype=object)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return _numbers(values)
    why = f"column {name!r} is {kind}; expected numbers, booleans or text, or lists of them"
    raise _refused("WrongDtype", why)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _width(lists: Any) -> int | None:
    """The length of each list; None where they differ."""
    if isinstance(lists, pa.FixedSizeListArray):
        return int(lists.type.list_size)
    lengths = _numbers(lists.value_lengths())
    if len(lengths) and lengths.min() != lengths.max():
        return None
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


def _refuse_nulls(values: Any, name: str) -> None:
    if values.null_count:
        raise _refused("WrongDtype", f"column {name!r} has nulls; expected a value in every cell")


def _refused(error: RefusalCode, message: str) -> Refused:
    return Refused(error, message, "decode")
