"""Rows of datasets as frames: those of a bucket are in tests/sparring/sources/test_remote.py."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import Refused
from schemas.tables.read import read_arrow
from sparring.replay.dataset_frames import count_rows, frames_of_rows
from sparring.replay.frame import ReplayFrame, UnreadableFrame
from sparring.replay.source import DatasetFrames

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
        count_rows(DatasetFrames(str(tmp_path / "rows.parquet"), "parquet", column, 0))


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (None, "column 'image' is null; expected a value"),
        ({"bytes": None, "path": "a.jpg"}, "column 'image': its 'bytes' are null; expected an image"),
        ({"bytes": b"neither", "path": "a.jpg"}, "the value (7 bytes, beginning"),
    ],
)
def test_a_row_that_is_no_frame_is_named_and_those_around_it_keep_their_numbers(
    tmp_path: Path, cell: Any, why: str
) -> None:
    whole = {"bytes": JPEG, "path": "b.jpg"}
    (tmp_path / "rows.parquet").write_bytes(parquet(image=[whole, cell, whole]))
    before, odd, after = frames_of_rows(DatasetFrames(str(tmp_path / "rows.parquet"), "parquet", "image", 0))
    assert isinstance(before, ReplayFrame)
    assert isinstance(odd, UnreadableFrame)
    assert isinstance(after, ReplayFrame)
    assert (before.number, odd.number, after.number) == (0, 1, 2)
    assert odd.why.startswith(f"{tmp_path}/rows.parquet#1: ")
    assert why in odd.why


ENCODED = {
    "images in a dictionary": (pa.array([JPEG, JPEG]).dictionary_encode(), None),
    "images as views": (pa.array([JPEG, JPEG], pa.binary_view()), None),
    "lists of text in a dictionary": (
        pa.array([["a"], ["b"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        [["a"], ["b"]],
    ),
    "lists as views": (pa.array([[1.5], [2.5]], pa.list_view(pa.float32())), [[1.5], [2.5]]),
    "tensors": (pa.FixedShapeTensorArray.from_numpy_ndarray(np.ones((2, 1, 2))), [[[1.0, 1.0]], [[1.0, 1.0]]]),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_a_row_of_an_encoded_column_is_a_frame_of_what_it_stands_for(tmp_path: Path, kind: str) -> None:
    column, cells = ENCODED[kind]
    table = pa.table({"x": column})
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    rows = DatasetFrames(str(tmp_path / "rows.arrow"), "arrow", "x", 0)
    assert count_rows(rows) == 2
    frames = [frame.value for frame in frames_of_rows(rows) if isinstance(frame, ReplayFrame)]
    if cells is None:
        assert frames == [JPEG, JPEG]
    else:
        assert [read_arrow(value)["x"].to_pylist() for value in frames] == [[cell] for cell in cells]


def test_a_frame_holds_only_its_own_row_of_a_long_dictionary(tmp_path: Path) -> None:
    words: Any = pa.array([f"{number:08}" for number in range(20_000)]).dictionary_encode()
    pq.write_table(
        pa.table({"x": pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), words)}), tmp_path / "rows.parquet"
    )
    for frame in frames_of_rows(DatasetFrames(str(tmp_path / "rows.parquet"), "parquet", "x", 0)):
        assert isinstance(frame, ReplayFrame)
        assert len(frame.value) < 2_000
