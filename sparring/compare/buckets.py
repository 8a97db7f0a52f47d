"""Both sides cut into pieces by the hash of the request: each piece fits into memory, however many there are.

The pieces lie in a temporary folder, compressed, and are read one after the other.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from schemas.limits import MIB
from sparring.compare.side import Side

BUCKETS_MAX: Final = 256
"""Open files of each side."""

_ROWS_OF_A_BUCKET: Final = 50_000
_BYTES_OF_A_BUCKET: Final = 8 * MIB
"""As they lie in the dataset, compressed."""

_SEED: Final = 20_100

Told = Callable[[int], None]
"""Called with how many more rows are read."""


@contextlib.contextmanager
def bucketed(
    first: Side, second: Side, outputs: dict[str, Any], told: Told
) -> Iterator[Iterator[tuple[pl.DataFrame, pl.DataFrame]]]:
    """The pieces of both sides, pair by pair; the temporary folder is there while the block runs.

    Args:
        first: one dataset.
        second: the other.
        outputs: that are taken along, with their types.
        told: hears of progress.
    """
    count = bucket_count(first, second)
    with tempfile.TemporaryDirectory(prefix="sparring-compare-") as folder:
        places = [Path(folder) / name for name in ("first", "second")]
        for place, side in zip(places, (first, second), strict=True):
            place.mkdir()
            _cut(side, outputs, place, count, told)
        yield ((_read(places[0], number), _read(places[1], number)) for number in range(count))


def bucket_count(first: Side, second: Side) -> int:
    """How many pieces: a power of two."""
    rows, size_bytes = (max(one, other) for one, other in zip(first.size(), second.size(), strict=True))
    wanted = max(rows // _ROWS_OF_A_BUCKET, size_bytes // _BYTES_OF_A_BUCKET)
    count = 1
    while count < min(wanted, BUCKETS_MAX):
        count *= 2
    return count


def _cut(side: Side, outputs: dict[str, Any], folder: Path, count: int, told: Told) -> None:
    with contextlib.ExitStack() as files:
        writers: dict[int, Any] = {}
        for piece in side.rows(outputs):
            told(piece.height)
            numbered = piece.with_columns((pl.col("subject").hash(_SEED) % count).cast(pl.UInt16).alias("bucket"))
            for (number,), part in numbered.partition_by("bucket", as_dict=True, include_key=False).items():
                table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
                if number not in writers:
                    options = pa.ipc.IpcWriteOptions(compression="zstd")
                    path = str(_path(folder, number))
                    writers[number] = files.enter_context(pa.ipc.new_stream(path, table.schema, options=options))
                writers[number].write_table(table)


def _read(folder: Path, number: int) -> pl.DataFrame:
    path = _path(folder, number)
    if not path.exists():
        return pl.DataFrame()
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
        found = pl.DataFrame(pl.from_arrow(stream.read_all()))
    path.unlink()
    return found


def _path(folder: Path, number: Any) -> Path:
    return folder / f"{int(number):04}.arrows"
