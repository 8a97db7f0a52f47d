"""Rows of two sides, laid into files by a hash of their subject: what belongs together lies in the same bucket.

Each bucket fits in memory, whatever the size of the dataset; the folder is the caller's, who removes it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.limits import MIB
from sparring.comparison.boxes import Ints

BUCKET_ROWS: Final = 100_000
"""Rows of the larger side in one bucket, on average."""

BUCKET_BYTES: Final = 64 * MIB
"""Of the larger side, unpacked; comparing takes a few times as much."""

BUCKETS_MAX: Final = 512
"""Files that are open at a time. A bucket that outgrew them is laid into buckets of its own."""

_OVERFULL: Final = 2
"""Times as much as a bucket should have on average: more is laid apart again."""

_WRITE_BYTES: Final = MIB // 8
_HASH_SEED: Final = 7


def bucket_count(rows: float, size_bytes: float) -> int:
    """How many buckets so much needs."""
    return min(BUCKETS_MAX, int(max(rows / BUCKET_ROWS, size_bytes / BUCKET_BYTES)) + 1)


@dataclass(frozen=True)
class Buckets:
    """One side's, in a folder. rows, size_bytes: int64 [n], in each, unpacked. seed: of the hash by which they are
    laid."""

    folder: Path
    schema: pa.Schema
    rows: Ints
    size_bytes: Ints
    seed: int

    @classmethod
    def spilled(
        cls, batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path, count: int, seed: int = _HASH_SEED
    ) -> Self:
        """Lay all rows into `count` files."""
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        rows, size_bytes = np.zeros(count, np.int64), np.zeros(count, np.int64)
        folder.mkdir()
        with ExitStack() as stack:
            files = [
                stack.enter_context(pa.output_stream(str(_file(folder, bucket)), buffer_size=_WRITE_BYTES))
                for bucket in range(count)
            ]
            writers = [stack.enter_context(pa.ipc.new_stream(file, schema, options=options)) for file in files]
            for batch in batches:
                for bucket, part in _by_bucket(batch, count, seed):
                    writers[bucket].write_batch(part)
                    rows[bucket] += part.num_rows
                    size_bytes[bucket] += part.nbytes
        return cls(folder, schema, rows, size_bytes, seed)

    def needs(self, bucket: int) -> int:
        """How many buckets this one should have been."""
        return bucket_count(self.rows[bucket], self.size_bytes[bucket])

    def again(self, bucket: int, count: int) -> "Buckets":
        """The rows of one bucket in `count` of their own; its file is removed."""
        file = _file(self.folder, bucket)
        with pa.OSFile(str(file), "rb") as source, pa.ipc.open_stream(source) as batches:
            parts = Buckets.spilled(batches, self.schema, file.with_suffix(""), count, self.seed + 1)
        file.unlink()
        return parts

    def take(self, bucket: int) -> pl.DataFrame:
        """The rows of one bucket; its file is removed."""
        file = _file(self.folder, bucket)
        with pa.OSFile(str(file), "rb") as source, pa.ipc.open_stream(source) as reader:
            table = reader.read_all()
        file.unlink()
        frame = pl.from_arrow(table)
        if not isinstance(frame, pl.DataFrame):
            raise TypeError(f"{file} is no table")
        return frame


def taken(sides: Sequence[Buckets], bucket: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The rows of one bucket, A's and B's; of one that is overfull, part by part. Rows of one subject stay together."""
    count = max(side.needs(bucket) for side in sides)
    if count <= _OVERFULL:
        yield sides[0].take(bucket), sides[1].take(bucket)
        return
    a, b = (side.again(bucket, count) for side in sides)
    for part in range(count):
        yield a.take(part), b.take(part)


def buckets_of(subjects: "pa.Array[Any]", count: int, seed: int) -> Ints:
    """The bucket of each subject, from 0 to `count` - 1."""
    hashes = pl.Series(values=subjects).hash(seed).to_numpy()
    found: Ints = (hashes % np.uint64(count)).astype(np.int64)
    return found


def _by_bucket(batch: pa.RecordBatch, count: int, seed: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    bucket = buckets_of(batch.column("subject"), count, seed)
    order = np.argsort(bucket, kind="stable")
    ordered = batch.take(pa.array(order, pa.int64()))
    ends = np.cumsum(np.bincount(bucket, minlength=count))
    for number, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        if end > begin:
            yield number, ordered.slice(begin, end - begin)


def _file(folder: Path, bucket: int) -> Path:
    return folder / f"{bucket}.arrows"
