"""Rows of one side, laid into files by a hash of their subject: what belongs together lies in the same bucket.

Each bucket fits in memory, whatever the size of the dataset; the folder is the caller's, who removes it.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.limits import MIB
from sparring.comparison.boxes import Ints
from sparring.comparison.side import Side

BUCKET_ROWS: Final = 100_000
"""Rows of the larger side in one bucket, on average."""

BUCKET_BYTES: Final = 64 * MIB
"""Of the larger side, as its Parquet files count them unpacked; comparing takes a few times as much."""

BUCKETS_MAX: Final = 512
"""Files that are open at a time. From 50 million rows or 32 GiB on, buckets grow."""

_WRITE_BYTES: Final = MIB // 8
_HASH_SEED: Final = 7


def bucket_count(*sides: Side) -> int:
    """How many buckets these sides need."""
    wanted = max(max(side.rows / BUCKET_ROWS, side.size_bytes / BUCKET_BYTES) for side in sides)
    return min(BUCKETS_MAX, int(wanted) + 1)


def spill(side: Side, folder: Path, count: int, read: Callable[[int], None]) -> None:
    """Lay all rows of a side into `count` files. read: told how many rows each portion had."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    folder.mkdir()
    with ExitStack() as stack:
        files = [
            stack.enter_context(pa.output_stream(str(_file(folder, bucket)), buffer_size=_WRITE_BYTES))
            for bucket in range(count)
        ]
        writers = [stack.enter_context(pa.ipc.new_stream(file, side.schema, options=options)) for file in files]
        for batch in side.batches():
            bucket = buckets_of(batch.column("subject"), count)
            order = np.argsort(bucket, kind="stable")
            sorted_batch = batch.take(pa.array(order, pa.int64()))
            ends = np.cumsum(np.bincount(bucket, minlength=count))
            for number, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                if end > begin:
                    writers[number].write_batch(sorted_batch.slice(begin, end - begin))
            read(batch.num_rows)


def buckets_of(subjects: "pa.Array[Any]", count: int) -> Ints:
    """The bucket of each subject, from 0 to `count` - 1."""
    hashes = pl.Series(values=subjects).hash(_HASH_SEED).to_numpy()
    found: Ints = (hashes % np.uint64(count)).astype(np.int64)
    return found


def bucket_of(folder: Path, bucket: int) -> pl.DataFrame:
    """The rows of one bucket; its file is removed."""
    file = _file(folder, bucket)
    with pa.OSFile(str(file), "rb") as source, pa.ipc.open_stream(source) as reader:
        table = reader.read_all()
    file.unlink()
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"{file} is no table")
    return frame


def _file(folder: Path, bucket: int) -> Path:
    return folder / f"{bucket}.arrows"
