"""How large rows are once they are read, as the footers of their Parquet files tell. Pure.

A file says how large a column is as encoded, and a mask of zeros takes next to nothing. But it counts its values.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow.parquet as pq

_WIDTHS: Final = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}
"""Bytes of a value by its physical type. Text has a length of its own."""

_OFFSET: Final = 4
"""Of a list or a text: where it ends."""


def unpacked_bytes(footer: pq.FileMetaData, columns: Sequence[str]) -> list[int]:
    """Of each row group. columns: those that are read. Text that repeats counts as it was encoded: how often which
    text stands there, no footer tells."""
    starts = tuple(f"{name}." for name in columns)
    read = [
        at
        for at in range(footer.num_columns)
        if (path := footer.schema.column(at).path) in columns or path.startswith(starts)
    ]
    return [_of_group(footer, group, read) for group in range(footer.num_row_groups)]


def _of_group(footer: pq.FileMetaData, group: int, columns: Sequence[int]) -> int:
    rows, total = footer.row_group(group), 0
    for at in columns:
        column = rows.column(at)
        total += _OFFSET * rows.num_rows
        if (width := _WIDTHS.get(column.physical_type)) is not None:
            total += column.num_values * width
        elif column.physical_type == "FIXED_LEN_BYTE_ARRAY":
            total += column.num_values * (footer.schema.column(at).length or 0)
        else:
            total += column.num_values * _OFFSET + column.total_uncompressed_size
    return total
