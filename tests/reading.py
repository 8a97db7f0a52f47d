"""Reading tables in tests: as lists of Python values, or as the bits in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.tables.read import read_arrow


def cells(value: bytes, column: str) -> list[Any]:
    """A result's column as Python lists, one per row."""
    return read_arrow(value).column(column).to_pylist()


def bits(table: pa.Table, column: str | int) -> "np.ndarray[Any, Any]":
    """The flat values of a list column, in the column's own dtype."""
    lists: Any = table.column(column).combine_chunks()
    values: np.ndarray[Any, Any] = lists.flatten().to_numpy(zero_copy_only=False)
    return values


def read_file(path: Path) -> pa.Table:
    """An Arrow IPC file."""
    return pa.ipc.open_file(str(path)).read_all()
