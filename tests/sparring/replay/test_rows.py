"""Rows of datasets as frames: those of a bucket are in tests/sparring/test_remote.py."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import Refused
from sparring.replay.rows import count_rows
from sparring.replay.source import Rows

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


def parquet(**columns: list[Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("tensors", "rows.parquet has no column 'tensors'; it has tensor, camera"),
        ("camera", "column 'camera' of .*rows.parquet is string; expected encoded images"),
    ],
)
def test_a_column_that_is_of_no_use_is_named(tmp_path: Path, column: str, why: str) -> None:
    (tmp_path / "rows.parquet").write_bytes(parquet(tensor=[[1.0]], camera=["door"]))
    with pytest.raises(Refused, match=why):
        count_rows(Rows(str(tmp_path / "rows.parquet"), "parquet", column, 0))
