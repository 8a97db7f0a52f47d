"""Whatever a file's encoding hides: rows are read and laid apart by what they are once they are unpacked."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sparring
from schemas.limits import MIB
from sparring.comparison import buckets, outputs, parquet
from sparring.comparison.boxes import portions
from sparring.comparison.buckets import Buckets, taken
from sparring.comparison.parquet import unpacked_bytes
from sparring.comparison.side import opened

MASK = 50_000
"""Numbers of a mask that is nearly empty: 200,000 bytes that a file holds in a few."""


def sparse(folder: Path, rows: int, seed: int, mask: int = MASK) -> Path:
    flat = np.zeros(rows * mask, np.float32)
    flat[np.random.default_rng(seed).integers(0, mask, rows) + mask * np.arange(rows)] = 1
    offsets: Any = pa.array(np.arange(0, rows * mask + 1, mask, dtype=np.int32))
    folder.mkdir(exist_ok=True)
    table: dict[str, Any] = {
        "subject": [f"s{number}" for number in range(rows)],
        "row": pa.array([0] * rows, pa.int32()),
        "status": ["ok"] * rows,
        "out.mask": pa.ListArray.from_arrays(offsets, pa.array(flat)),
    }
    pq.write_table(pa.table(table), folder / f"{len(list(folder.iterdir()))}.parquet", compression="zstd")
    return folder


def test_a_footer_tells_how_large_rows_are_unpacked(tmp_path: Path) -> None:
    (file,) = sparse(tmp_path / "a", 100, 1).iterdir()
    footer = pq.read_metadata(file)
    assert footer.row_group(0).total_byte_size < MIB
    (size,) = unpacked_bytes(footer, ["subject", "row", "out.mask"])
    assert size == pytest.approx(pq.read_table(file).nbytes, rel=0.05)
    assert unpacked_bytes(footer, ["row"]) == [800]
    assert unpacked_bytes(footer, ["out.mas"]) == [0]


@pytest.mark.parametrize("kind", ["mask", "text"])
def test_what_is_read_at_a_time_has_a_most_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(parquet, "SCAN_BYTES", 2 * MIB)
    folder = tmp_path / "a"
    if kind == "mask":
        sparse(folder, 100, 1)
    else:
        folder.mkdir()
        table: dict[str, Any] = {
            "subject": ["s"] * 100,
            "row": [0] * 100,
            "status": ["ok"] * 100,
            "out.said": [["x" * 200_000]] * 100,
        }
        pq.write_table(pa.table(table), folder / "a.parquet")
    sizes = [batch.nbytes for batch in opened("a", folder).batches()]
    assert sum(sizes) > 15 * MIB
    assert max(sizes) <= 2.2 * MIB


def test_a_bucket_that_is_overfull_is_laid_apart_again_and_no_row_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "BUCKET_ROWS", 10)
    table = pa.table({"subject": [f"s{number % 90}" for number in range(180)], "number": range(180)})
    laid = [Buckets.spilled(table.to_batches(max_chunksize=50), table.schema, tmp_path / name, 2) for name in "ab"]
    parts = [part for bucket in range(2) for part in taken(laid, bucket)]
    assert len(parts) > 10
    assert max(a.height for a, _ in parts) <= 40
    for place in (0, 1):
        assert sorted(pl.concat([part[place] for part in parts])["number"]) == list(range(180))
        subjects = [set(part[place]["subject"]) for part in parts]
        assert sum(map(len, subjects)) == len(set.union(*subjects)) == 90, "a subject's rows stay together"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_overfull_buckets_and_portions_of_values_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = [sparse(tmp_path / name, 60, seed) for seed, name in enumerate("ab")]
    whole = sparring.compare(*sides)
    monkeypatch.setattr(buckets, "BUCKET_BYTES", MIB)
    monkeypatch.setattr(buckets, "BUCKETS_MAX", 3)
    monkeypatch.setattr(outputs, "VALUES_AT_ONCE", MASK + 1)
    parts = sparring.compare(*sides, out=tmp_path / "pairs")
    assert len(list((tmp_path / "pairs").iterdir())) == 9
    assert parts.changed == whole.changed
    assert parts.totals == whole.totals
    assert whole.totals["pairs"] - whole.totals["unchanged"] > 50


_COMPARES = """
import re, sys, sparring
from pathlib import Path
from sparring.comparison import buckets, outputs, parquet
parquet.SCAN_BYTES, buckets.BUCKET_BYTES, outputs.VALUES_AT_ONCE = 2 << 20, 4 << 20, 200_000
sparring.compare(*sys.argv[1:])
print(*re.findall(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text()))
"""


def test_memory_does_not_grow_with_rows_that_encode_well(tmp_path: Path) -> None:
    peaks = []
    for rows in (100, 500):
        sides = [str(sparse(tmp_path / f"{rows}-{name}", rows, seed)) for seed, name in enumerate("ab")]
        done = subprocess.run([sys.executable, "-c", _COMPARES, *sides], capture_output=True, check=True, timeout=300)
        peaks.append(int(done.stdout) // 1024)
    assert 400 * MASK * 4 // MIB > 75, "what there is more, on each side"
    assert peaks[1] - peaks[0] < 100


def test_portions_weigh_no_more_than_they_may_but_for_one_row_that_is_heavier() -> None:
    weights = np.array([0, 3, 3, 4, 0, 25, 1, 0, 10, 0])
    taken_rows = [list(range(len(weights)))[some] for some in portions(weights, 10)]
    assert [int(weights[rows].sum()) for rows in taken_rows] == [10, 25, 1, 10]
    assert [row for rows in taken_rows for row in rows if weights[row]] == [1, 2, 3, 5, 6, 8]
    assert list(portions(np.zeros(3, np.int64), 10)) == []
