"""Parquet files read a portion at a time, and the size of their rows once unpacked.

A footer gives a column's encoded size, and an encoded mask of zeros takes almost nothing; but the footer also counts
the values. `pyarrow.dataset` would unpack a whole row group at once.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.limits import MIB

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


SCAN_ROWS: Final = 65_536
"""Rows of one portion, at most."""

SCAN_BYTES: Final = 32 * MIB
"""Of one portion, unpacked; one row may have more."""

_FIRST_ROWS: Final = 32
"""Which are looked at before the others: no footer tells how long texts are."""


def scanned(file: Any, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """All rows of a dataset's fragment, with those of these columns that it has. Arrow's errors where it is broken."""
    with pq.ParquetFile(file.path, metadata=file.metadata, pre_buffer=False) as parquet:
        own = set(parquet.schema_arrow.names)
        there = [name for name in columns if name in own]
        rows = _portion_rows(parquet, there)
        yield from (batch.select(there) for batch in parquet.iter_batches(rows, columns=there))


def _portion_rows(parquet: pq.ParquetFile, columns: list[str]) -> int:
    """How many rows are read at a time: by the largest row group, and by the first rows."""
    footer = parquet.metadata
    row_bytes = [
        size / max(1, footer.row_group(group).num_rows) for group, size in enumerate(unpacked_bytes(footer, columns))
    ]
    first = next(parquet.iter_batches(_FIRST_ROWS, columns=columns), None)
    if first is not None:
        row_bytes.append(first.nbytes / max(1, first.num_rows))
    return max(1, min(SCAN_ROWS, int(SCAN_BYTES / max([1, *row_bytes]))))
