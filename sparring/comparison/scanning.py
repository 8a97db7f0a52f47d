"""One Parquet file, read a portion at a time.

Not by pyarrow.dataset, which unpacks a row group as a whole, however few rows are asked for.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.limits import MIB
from sparring.comparison.footers import unpacked_bytes

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
