"""Tensors on the wire: Arrow IPC or JSON records in, Arrow IPC out. Bytes <-> tables, nothing else.

A request's columns are the model's inputs, one row per input row; a cell is a number or a
(flat or nested) list of numbers. A result has one row per input row and one list column per
output, of the model's own dtype.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa

from schemas.errors import Refused
from schemas.frames import ARROW, TableType
from schemas.json_text import check_fields, decode_records
from schemas.limits import (
    COLUMNS_MAX,
    DIMENSIONS_MAX,
    HASH_KEY_BYTES_MAX,
    JSON_NODES_MAX,
    REQUEST_ROWS_MAX,
    TABLE_BYTES_MAX,
)
from schemas.tables.unpacked import has_footer_only, stream_of, unpacked, unpacked_file

_LISTS: Final = (
    pa.ListScalar,
    pa.LargeListScalar,
    pa.FixedSizeListScalar,
    pa.ListViewScalar,
    pa.LargeListViewScalar,
)
_ENCODED: Final = (pa.DictionaryScalar, pa.RunEndEncodedScalar, pa.ExtensionScalar)

_EXACT_IN_FLOAT64: Final = 2**53
"""float64 holds all whole numbers up to it, and only some beyond."""
_NEXT_MESSAGE: Final = b"\xff\xff\xff\xff"
"""How a message of a stream begins; behind the stream's end none does."""


def read_arrow(value: bytes) -> pa.Table:
    """The table of an Arrow IPC stream, or of an IPC file sent as it is. Refused for anything else, and for what would
    unpack to more than TABLE_BYTES_MAX, REQUEST_ROWS_MAX or COLUMNS_MAX: that is known before it is unpacked."""
    try:
        in_footer = has_footer_only(value)
        stream = stream_of(value)
        claimed = unpacked_file(value) if in_footer else unpacked(stream)
        _check_size(claimed.size, claimed.rows, claimed.columns)
        source = pa.BufferReader(value if in_footer else stream)
        table: pa.Table = (pa.ipc.open_file(source) if in_footer else pa.ipc.open_stream(source)).read_all()
        table.validate(full=True)
        behind = source.tell()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Refused("BadArrow", f"the value is not an Arrow IPC stream: {_one_line(error)}", "decode") from error
    if not in_footer and stream[behind : behind + len(_NEXT_MESSAGE)].to_pybytes() == _NEXT_MESSAGE:
        raise Refused("BadArrow", "another stream follows the first; expected one with all batches", "decode")
    counts = Counter(table.column_names)
    if len(counts) != table.num_columns:
        twice = next(name for name, count in counts.items() if count > 1)
        raise Refused("BadArrow", f"column {twice!r} stands twice; expected each name once", "decode")
    return table


def read_records(value: bytes) -> pa.Table:
    """The table of pandas-records JSON: a list of objects with the same fields, whose cells are numbers, booleans or
    text, or lists of them. Refused for anything else."""
    records = _records(value)
    names = list(records[0]) if records else []
    try:
        return pa.table({name: column_of([record[name] for record in records]) for name in names})
    except OverflowError as error:
        why = "a column has a whole number beyond 64 bits; expected it as text"
        raise Refused("BadJson", why, "decode") from error
    except (pa.ArrowException, TypeError) as error:
        raise Refused(
            "BadJson", f"a column mixes types: {_one_line(error)}; expected one in every row", "decode"
        ) from error


def read_table(content_type: TableType, value: bytes) -> pa.Table:
    """The table of a frame that is no image. Refused where it has no rows."""
    table = read_arrow(value) if content_type == ARROW else read_records(value)
    if table.num_rows == 0:
        raise Refused(
            "BadArrow" if content_type == ARROW else "BadJson",
            "the table has no rows; expected one row per input",
            "decode",
        )
    return table


def first_cell(content_type: TableType, value: bytes, column: str) -> str | bool | int | float | None:
    """The first row's value of one column, out of its list where it lies alone in one; None where there is none.
    Refused where it is neither text nor number: nothing else is made of a stranger's bytes here."""
    if content_type == ARROW:
        table = read_arrow(value)
        there = column in table.column_names and table.num_rows > 0
        return _arrow_cell(table.column(column)[0], column) if there else None
    records = _records(value)
    cell = records[0].get(column) if records else None
    if isinstance(cell, list) and len(cell) == 1:
        (cell,) = cell
    if isinstance(cell, list | dict):
        raise _no_key(column, "a list" if isinstance(cell, list) else "an object")
    if isinstance(cell, str):
        _check_key(len(cell.encode()), column)
    found: str | bool | int | float | None = cell
    return found


def encode_table(table: pa.Table) -> bytes:
    """An Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def output_columns(outputs: Mapping[str, list[np.ndarray]]) -> pa.Table:
    """A result's table. outputs: per output one flat array per input row, all of one dtype."""
    return pa.table({name: _list_column(rows) for name, rows in outputs.items()})


def encode_rows(outputs: Mapping[str, list[np.ndarray]]) -> bytes:
    """A result's value, see `output_columns`."""
    return encode_table(output_columns(outputs))


def column_of(cells: list[Any]) -> "pa.Array[Any]":
    """Cells as JSON gives them, level by level. Numbers by numpy, for `_flat_array`'s reason, which makes texts all as
    wide as the longest."""
    lists: list[np.ndarray] = []
    while cells and set(map(type, cells)) == {list}:
        if len(lists) == DIMENSIONS_MAX:
            raise _too_deep()
        lists.append(np.cumsum([0, *map(len, cells)], dtype=np.int32))
        cells = list(chain.from_iterable(cells))
    column = _leaves(cells)
    for offsets in reversed(lists):
        length, kind = len(offsets) - 1, pa.list_(column.type)
        column = pa.Array.from_buffers(kind, length, [None, _buffer(offsets)], children=[column])
    return column


def _check_size(size_bytes: int, rows: int, columns: int) -> None:
    if size_bytes > TABLE_BYTES_MAX or rows < 0:
        raise Refused(
            "TableTooLarge", f"the table unpacks to {size_bytes} bytes; expected at most {TABLE_BYTES_MAX}", "decode"
        )
    if rows > REQUEST_ROWS_MAX:
        raise Refused(
            "TableTooLarge",
            f"the table has {rows} rows; expected at most {REQUEST_ROWS_MAX} in one request: send several",
            "decode",
        )
    if columns > COLUMNS_MAX:
        raise Refused("TableTooLarge", f"the table has more than {COLUMNS_MAX} columns: send lists", "decode")


def _records(value: bytes) -> list[dict[str, Any]]:
    """The objects of a JSON list, all of them with the fields of the first."""
    # Each takes a hundred times its own bytes: they are counted before there are any, those in texts with them.
    if (nodes := value.count(b"[") + value.count(b"{")) > JSON_NODES_MAX:
        message = f"the JSON has {nodes} of the signs [ and {{; expected at most {JSON_NODES_MAX}: send Arrow"
        raise Refused("TableTooLarge", message, "decode")
    try:
        records = decode_records(value)
    except ValueError as error:
        raise Refused("BadJson", f"the value is not a JSON list of records: {_one_line(error)}", "decode") from error
    _check_size(len(value), len(records), len(records[0]) if records else 0)
    try:
        check_fields(records)
    except ValueError as error:
        raise Refused("BadJson", str(error), "decode") from None
    return records


def _arrow_cell(cell: Any, column: str) -> str | bool | int | float | None:
    """The type is checked before any value is made: one cell may hold gigabytes."""
    cell = _encoded_value(cell)
    if isinstance(cell, _LISTS) and cell.values is not None and len(cell.values) == 1:
        cell = _encoded_value(cell.values[0])
    if not cell.is_valid:
        return None
    kind = cell.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        number: bool | int | float = cell.as_py()
        return number if isinstance(number, bool | int) else float(number)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise _no_key(column, str(kind))
    _check_key(cell.as_buffer().size, column)
    text: str = cell.as_py()
    return text


def _encoded_value(cell: Any) -> Any:
    """What an encoded cell stands for; any other as it is."""
    while isinstance(cell, _ENCODED) and cell.is_valid:
        cell = cell.value
    return cell


def _check_key(size: int, column: str) -> None:
    if size > HASH_KEY_BYTES_MAX:
        why = f"hash key {column!r} is a text of {size} bytes; expected at most {HASH_KEY_BYTES_MAX}"
        raise Refused("HashKeyOutOfRange", why, "route")


def _no_key(column: str, came: str) -> Refused:
    why = f"hash key {column!r} is {came}; expected text, or a number from 0.0 to 1.0"
    return Refused("HashKeyOutOfRange", why, "route")


def _list_column(rows: list[np.ndarray]) -> "pa.Array[Any]":
    offsets = np.zeros(len(rows) + 1, dtype=np.int32)
    np.cumsum([row.size for row in rows], out=offsets[1:])
    flat = rows[0].ravel() if len(rows) == 1 else np.concatenate([row.ravel() for row in rows])
    values = _flat_array(flat)
    kind = pa.list_(values.type)
    column: pa.Array[Any] = pa.Array.from_buffers(kind, len(rows), [None, _buffer(offsets)], children=[values])
    return column


def _leaves(cells: list[Any]) -> "pa.Array[Any]":
    if cells and set(map(type, cells)) <= {int, float}:
        return _flat_array(_exact_numbers(cells))
    _check_lists(cells)
    column: pa.Array[Any]
    try:
        column = pa.array(cells)
    except OverflowError:
        column = pa.array(cells, pa.uint64())
    return column


def _exact_numbers(cells: list[int | float]) -> np.ndarray:
    """int64, uint64 or float64. Refused where none holds every number as it is: numpy alone would round them."""
    kinds = set(map(type, cells))
    if kinds == {int}:
        for dtype in (np.int64, np.uint64):
            with suppress(OverflowError):
                return np.array(cells, dtype)
    else:
        numbers = np.array(cells, np.float64)
        if kinds == {float} or np.all(np.abs(numbers) < _EXACT_IN_FLOAT64) or cells == numbers.tolist():
            return numbers
    largest = max((cell for cell in cells if type(cell) is int), key=abs)
    fits = "whole numbers of 64 bits" if kinds == {int} else "whole numbers that float64 holds, beside fractions"
    raise Refused("BadJson", f"a column has {largest}; expected {fits}: send larger ones as text", "decode")


def _check_lists(cells: list[Any]) -> None:
    """Where lists lie beside nulls, pyarrow guesses their type: in time by the square of their depth, and of objects
    with different keys it makes a cell for each key and object."""
    for _ in range(DIMENSIONS_MAX + 1):
        kinds = set(map(type, cells))
        if dict in kinds:
            raise Refused("BadJson", "an object in a cell; expected numbers, booleans, text, or lists", "decode")
        if list not in kinds:
            return
        cells = list(chain.from_iterable(cell for cell in cells if type(cell) is list))
    raise _too_deep()


def _too_deep() -> Refused:
    return Refused("BadJson", f"lists in each other, deeper than {DIMENSIONS_MAX}", "decode")


def _flat_array(flat: np.ndarray) -> "pa.Array[Any]":
    """Numbers are taken as they lie in memory; `pa.array` would import pandas into every service first."""
    values: pa.Array[Any]
    if flat.dtype.kind in "OUS":
        values = pa.array(flat.astype(object).tolist(), pa.string())
    elif flat.dtype.kind == "b":
        values = pa.array(flat.tolist(), pa.bool_())
    else:
        values = pa.Array.from_buffers(pa.from_numpy_dtype(flat.dtype), flat.size, [None, _buffer(flat)])
    return values


def _buffer(array: np.ndarray) -> pa.Buffer:
    # An array has the buffer protocol; the stubs of pyarrow do not know it.
    memory: Any = np.ascontiguousarray(array)
    return pa.py_buffer(memory)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
