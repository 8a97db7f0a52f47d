"""What a user gives to `send` becomes the bytes of a frame."""

import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.errors import FrameTooLarge
from schemas.limits import FRAME_BYTES_MAX, REFERENCE_BYTES_MAX
from schemas.pipelines import PipelineVersion
from schemas.tables.read import encode_table, read_arrow
from sparring.frames.encode import frame_given

ARROW = "application/vnd.apache.arrow.stream"
PICTURE = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)
JPEG = cv2.imencode(".jpg", PICTURE)[1].tobytes()
TABLE = encode_table(pa.table({"tensor": [[1.0, 2.0]]}))
ANY_TABLE = PipelineVersion("default", "shelf", "v", (), 0)
"""A version without a model takes every table."""


def never() -> PipelineVersion:
    raise AssertionError("what is encoded already needs no version")


@pytest.mark.parametrize(
    ("value", "kind"), [(JPEG, "image/jpeg"), (TABLE, ARROW), (b' [{"tensor": [1]}]', "application/json")]
)
@pytest.mark.parametrize("wrapped", [bytes, bytearray, memoryview])
def test_bytes_travel_as_they_are_and_their_kind_is_known_by_their_beginning(
    value: bytes, kind: str, wrapped: Any
) -> None:
    frame = frame_given(wrapped(value), never, FRAME_BYTES_MAX)
    assert (frame.value, frame.content_type, frame.name) == (value, kind, "")


@pytest.mark.parametrize(("name", "value"), [("a.jpg", JPEG), ("a.arrow", TABLE), ("a.json", b'[{"tensor": [1]}]')])
def test_a_file_travels_as_it_lies_and_is_named_by_its_path(tmp_path: Path, name: str, value: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(value)
    for given in (path, str(path)):
        frame = frame_given(given, never, FRAME_BYTES_MAX)
        assert (frame.value, frame.name) == (value, str(path))


def test_a_picture_travels_as_png_with_the_same_pixels() -> None:
    frame = frame_given(PICTURE, never, FRAME_BYTES_MAX)
    back = cv2.imdecode(np.frombuffer(frame.value, np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert frame.content_type == "image/png"
    assert np.array_equal(back[..., ::-1], PICTURE)


@pytest.mark.parametrize("table", [pd.DataFrame({"tensor": [[1.0, 2.0]]}), pa.table({"tensor": [[1.0, 2.0]]})])
def test_a_table_travels_as_arrow(table: pd.DataFrame | pa.Table) -> None:
    frame = frame_given(table, lambda: ANY_TABLE, FRAME_BYTES_MAX)
    assert frame.content_type == ARROW
    assert read_arrow(frame.value).to_pydict() == {"tensor": [[1.0, 2.0]]}


def test_what_is_too_large_is_refused_without_reading_or_encoding_it(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    with file.open("wb") as open_file:
        open_file.truncate(1024 * FRAME_BYTES_MAX)
    rows = pa.table({"tensor": pa.array(np.zeros(8 * FRAME_BYTES_MAX // 4, np.float32))})
    givens = (bytes(FRAME_BYTES_MAX + 1), memoryview(bytearray(4 * FRAME_BYTES_MAX)), file, rows)
    for given in givens:
        tracemalloc.start()
        with pytest.raises(FrameTooLarge, match=f"^frame: .* bytes; expected at most {FRAME_BYTES_MAX}: send fewer"):
            frame_given(given, lambda: ANY_TABLE, FRAME_BYTES_MAX)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most_bytes < FRAME_BYTES_MAX // 2


def test_json_stays_below_kafkas_limit_where_other_frames_travel_as_references() -> None:
    large = b"[" + bytes(FRAME_BYTES_MAX)
    with pytest.raises(FrameTooLarge, match=r"^frame: JSON of \d+ bytes; expected at most \d+: send Arrow"):
        frame_given(large, never, REFERENCE_BYTES_MAX)
    assert frame_given(b"\xff\xd8\xff" + large, never, REFERENCE_BYTES_MAX).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (7, TypeError, "int; expected the bytes of a picture or table, a path"),
        (None, TypeError, "NoneType; expected the bytes"),
        (b"hello", ValueError, "5 bytes, beginning b'hello'; expected those of a JPEG, PNG or WebP"),
        (b"", ValueError, "0 bytes, beginning b''; expected those"),
        ("absent.jpg", FileNotFoundError, "absent.jpg is no file"),
        (np.zeros((2, 2)), ValueError, r"float64 \[2, 2\]; expected uint8"),
    ],
)
def test_what_can_be_no_frame_is_refused_with_what_came(given: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=f"^frame: .*{says}"):
        frame_given(given, never, FRAME_BYTES_MAX)


def test_a_video_is_refused_being_many_frames_and_a_file_that_is_no_frame_is_named(tmp_path: Path) -> None:
    for name, says in (("a.mp4", "is a video, which is many frames"), ("a.json", r"a\.json: no JSON list of records")):
        (tmp_path / name).write_bytes(b"[{]")
        with pytest.raises(ValueError, match=f"^frame: .*{says}"):
            frame_given(tmp_path / name, never, FRAME_BYTES_MAX)
