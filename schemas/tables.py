"""Tensors on the wire: Arrow IPC or JSON records in, Arrow IPC out. Bytes <-> tables, nothing else.

A request's columns are the model's inputs, one row per input row; a cell is a number or a
(flat or nested) list of numbers. A result has one row per input row and one list column per
output, of the model's own dtype.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from schemas.errors import Refused
from schemas.frames import ARROW, TableType
from schemas.json_text import decode_json
from schemas.limits import DIMENSIONS_MAX, REQUEST_ROWS_MAX, TABLE_BYTES_MAX
from schemas.unpacked import stream_of, unpacked

_RECORDS: Final = msgspec.json.Decoder(list[dict[str, Any]])


def read_arrow(value: bytes) -> pa.Table:
    """The table of an Arrow IPC stream, or of an IPC file sent as it is. Refused for anything else, and for what would
    unpack to more than TABLE_BYTES_MAX or REQUEST_ROWS_MAX: that is known before it is unpacked."""
    try:
        stream = stream_of(value)
        _check_size(*unpacked(stream))
        table: pa.Table = pa.ipc.open_stream(stream).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Refused("BadArrow", f"the value is not an Arrow IPC stream: {_one_line(error)}", "decode") from error
    names = table.column_names
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused("BadArrow", f"column {twice!r} stands twice; expected each name once", "decode")
    return table


def read_records(value: bytes) -> pa.Table:
    """The table of pandas-records JSON: a list of objects with the same fields. Refused for anything else."""
    try:
        records = decode_json(_RECORDS, value)
    except ValueError as error:
        raise Refused("BadJson", f"the value is not a JSON list of records: {_one_line(error)}", "decode") from error
    _check_size(len(value), len(records))
    names = list(records[0]) if records else []
    for row, record in enumerate(records):
        if record.keys() != set(names):
            raise Refused(
                "BadJson",
                f"record {row} has the fields {sorted(record)}; expected those of record 0: {sorted(names)}",
                "decode",
            )
    try:
        return pa.table({name: _column([record[name] for record in records]) for name in names})
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise Refused("BadJson", f"a column mixes types: {_one_line(error)}", "decode") from error


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


def first_cell(content_type: TableType, value: bytes, column: str) -> object | None:
    """The first row's value of one column, or None where there is no such column or row."""
    table = read_arrow(value) if content_type == ARROW else read_records(value)
    if column not in table.column_names or table.num_rows == 0:
        return None
    try:
        cell: object = table.column(column)[0].as_py()
    except (ArithmeticError, LookupError, ValueError) as error:
        # A timestamp beyond any calendar, a time zone that nobody knows.
        raise Refused("BadArrow", f"column {column!r}: {_one_line(error)}", "route") from error
    return cell


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


def _check_size(size_bytes: int, rows: int) -> None:
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


def _list_column(rows: list[np.ndarray]) -> "pa.Array[Any]":
    offsets = np.zeros(len(rows) + 1, dtype=np.int32)
    np.cumsum([row.size for row in rows], out=offsets[1:])
    flat = rows[0].ravel() if len(rows) == 1 else np.concatenate([row.ravel() for row in rows])
    values = _flat_array(flat)
    kind = pa.list_(values.type)
    column: pa.Array[Any] = pa.Array.from_buffers(kind, len(rows), [None, _buffer(offsets)], children=[values])
    return column


def _column(cells: list[Any]) -> "pa.Array[Any]":
    """Cells as JSON gives them. Numbers in a regular shape by numpy, for `_flat_array`'s reason."""
    column: pa.Array[Any]
    try:
        array = np.asarray(cells)
    except ValueError:  # lists of different lengths
        array = np.empty(0)
    if array.size == 0 or array.dtype.kind not in "if":
        _check_depth(cells, DIMENSIONS_MAX)
        column = pa.array(cells)
        return column
    column = _flat_array(array.ravel())
    for axis in range(array.ndim - 1, 0, -1):
        count, size = int(np.prod(array.shape[:axis])), array.shape[axis]
        offsets = np.arange(count + 1, dtype=np.int32) * np.int32(size)
        column = pa.Array.from_buffers(pa.list_(column.type), count, [None, _buffer(offsets)], children=[column])
    return column


def _check_depth(cells: Iterable[Any], left: int) -> None:
    """To guess the type of what is nested, pyarrow takes time by the square of the depth, and much of it."""
    for cell in cells:
        if not isinstance(cell, list | dict):
            continue
        if left == 0:
            raise Refused("BadJson", f"lists or objects in each other, deeper than {DIMENSIONS_MAX}", "decode")
        _check_depth(cell if isinstance(cell, list) else cell.values(), left - 1)


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
