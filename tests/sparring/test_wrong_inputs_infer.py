"""Wrong inputs of `Pipeline.infer` and its kin, of `logs` and `export_logs`. The pipeline is deployed: what is not
refused would be sent."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.limits import FRAME_BYTES_MAX, KEY_BYTES_MAX
from sparring.object import FrameTooLarge
from sparring.stack import LocalStack
from tests.sparring.test_wrong_inputs import (
    BOOL,
    HALF,
    INF,
    NAN,
    SECONDS,
    Row,
    World,
    built,
    check_refused,
    each,
    named,
)

FRAME = pd.DataFrame({"tensor": [[1.0, 2.0]]})
LATE, EARLY = dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.datetime(2026, 1, 1)  # noqa: DTZ001 (UTC, as documented)
TABLES = ("Pipeline.infer", "Pipeline.parallel_infer")
ASKS = (*TABLES, "Pipeline.infer_from_file", "Pipeline.infer_image")
LOGS = ("Pipeline.logs", "Pipeline.export_logs")
INPUTS = {"infer_from_file": "path", "infer_image": "image", "infer": "tensor", "parallel_infer": "tensor"}


@pytest.fixture(scope="module")
def world(broker: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "rows.json").write_text('[{"tensor": [1, 2]}]')
    (folder / "empty.json").write_text("[]")
    (folder / "other.json").write_text('[{"other": [1, 2]}]')
    (folder / "wrong.json").write_text("[{]")
    (folder / "wrong.arrow").write_bytes(b"no table")
    with built(broker, "wrong-requests", folder) as made:
        yield made


ROWS: list[Row] = [
    *each(
        ASKS,
        ("timeout", "15", TypeError, "'15'; expected seconds"),
        ("timeout", True, TypeError, "True; expected seconds"),
        ("timeout", None, TypeError, "None; expected seconds"),
        *(("timeout", wrong, ValueError, f"{SECONDS} >= 0, at most") for wrong in (-1, NAN, INF, 1e300)),
        ("dataset", "out", TypeError, "'out'; expected a list of columns or groups"),
        ("dataset", [1], TypeError, "1 is no text; expected a list of columns or groups"),
        ("dataset", [""], ValueError, "an empty name; expected a list of columns or groups"),
        ("dataset_exclude", 7, TypeError, "int; expected a list of columns or groups"),
        ("dataset_exclude", [None], TypeError, "None is no text; expected a list of columns"),
        ("dataset_exclude", [""], ValueError, "an empty name; expected a list"),
        ("shadow_wait", "1", TypeError, "'1'; expected seconds"),
        ("shadow_wait", -1, ValueError, f"-1; {SECONDS} >= 0"),
        ("headers", ["camera"], TypeError, "list; expected a dictionary of text"),
        ("headers", {"camera": 7}, TypeError, "'camera': 7; expected text for text"),
        ("headers", {7: "camera"}, TypeError, "7: 'camera'; expected text for text"),
        ("headers", {"camera": HALF}, ValueError, "cannot be written as UTF-8; expected text"),
        ("headers", {"pipeline": "x"}, ValueError, "'pipeline' is set by infer itself; leave it out"),
        ("headers", {"deadline": "soon"}, ValueError, "'deadline': 'soon'; expected Unix milliseconds"),
        (
            "headers",
            {"note": "x" * 100_000},
            FrameTooLarge,
            "key and headers have 100\\d\\d\\d bytes; expected at most",
        ),
    ),
    *each(
        (ASKS[0], *ASKS[2:]),
        ("key", 7, TypeError, "int; expected text or bytes"),
        ("key", HALF, ValueError, "cannot be written as UTF-8; expected text or bytes"),
        ("key", b"x" * (KEY_BYTES_MAX + 1), FrameTooLarge, f"{KEY_BYTES_MAX + 1} bytes; expected at most"),
    ),
    *each(
        TABLES,
        ("tensor", [[1.0]], TypeError, "list; expected a pandas.DataFrame or a pyarrow.Table"),
        ("tensor", "rows.json", TypeError, "str; expected a pandas.DataFrame or a pyarrow.Table"),
        ("tensor", FRAME[:0], ValueError, "it has no rows; expected one per input"),
        ("tensor", FRAME.rename(columns={"tensor": 7}), TypeError, "column 7 is no text; expected columns with names"),
        ("tensor", pd.DataFrame({"tensor": [object()]}), TypeError, "column 'tensor': .*; expected numbers, text"),
        ("tensor", pd.DataFrame({"x": [1.0]}), ValueError, "champion cannot take it: no column 'tensor' .*; came: x"),
        (
            "tensor",
            pa.table([pa.array([1])] * 2, ["a", "a"]),
            ValueError,
            r"stands twice among \['a', 'a'\]; expected each",
        ),
        ("tensor", pa.table({"tensor": [[0.0] * (FRAME_BYTES_MAX // 4)]}), FrameTooLarge, "bytes; expected at most"),
    ),
    (
        "Pipeline.parallel_infer",
        "tensor",
        pd.DataFrame({"tensor": [[1.0, 2.0]] * 250 + [["a", 1]]}),
        TypeError,
        "column 'tensor': .*; expected numbers, text",
    ),
    ("Pipeline.parallel_infer", "num_parallel", 1.5, TypeError, "1.5; expected a whole number"),
    ("Pipeline.parallel_infer", "num_parallel", 0, ValueError, "0; expected 1 to 64"),
    ("Pipeline.parallel_infer", "num_parallel", 65, ValueError, "65; expected 1 to 64"),
    ("Pipeline.parallel_infer", "retries", True, TypeError, "True; expected a whole number"),
    ("Pipeline.parallel_infer", "retries", -1, ValueError, "-1; expected 0 to 100"),
    ("Pipeline.parallel_infer", "batch_rows", "10", TypeError, "'10'; expected a whole number"),
    ("Pipeline.parallel_infer", "batch_rows", 0, ValueError, "0; expected 1 to 1000000"),
    ("Pipeline.parallel_infer", "progress", "no", TypeError, f"'no'; {BOOL}"),
    ("Pipeline.infer_from_file", "path", 7, TypeError, "int; expected a path"),
    ("Pipeline.infer_from_file", "path", "absent.json", FileNotFoundError, "absent.json is no file"),
    *each(
        ("Pipeline.infer_from_file",),
        ("path", lambda w: w.folder / "step.py", ValueError, "expected a file that ends in .arrow or .json"),
        ("path", lambda w: w.folder / "wrong.json", ValueError, "is not a JSON list of records"),
        ("path", lambda w: w.folder / "wrong.arrow", ValueError, "wrong.arrow: "),
        ("path", lambda w: w.folder / "empty.json", ValueError, "it has no rows; expected one per input"),
        ("path", lambda w: w.folder / "other.json", ValueError, "champion cannot take it: no column 'tensor'"),
    ),
    ("Pipeline.infer_image", "image", 7, TypeError, "int; expected a path, the bytes of a JPEG, PNG or WebP, or a ui"),
    ("Pipeline.infer_image", "image", "absent.jpg", FileNotFoundError, "absent.jpg is no file"),
    ("Pipeline.infer_image", "image", b"hello", ValueError, "expected"),
    ("Pipeline.infer_image", "image", np.zeros((2, 2)), ValueError, r"float64 \[2, 2\]; expected uint8"),
    ("Pipeline.infer_image", "image", b"\xff\xd8\xff" + bytes(FRAME_BYTES_MAX), FrameTooLarge, "expected at most"),
    *each(
        LOGS,
        ("limit", "all", TypeError, "'all'; expected a whole number"),
        ("limit", True, TypeError, "True; expected a whole number"),
        ("limit", 0, ValueError, "0; expected at least 1"),
        ("start_datetime", "now", TypeError, "'now'; expected a datetime"),
        ("start_datetime", EARLY.date(), TypeError, "expected a datetime"),
        ("start_datetime", pd.NaT, ValueError, "NaT; expected a datetime"),
        ("end_datetime", 7, TypeError, "7; expected a datetime"),
        ("dataset", "out", TypeError, "'out'; expected a list of columns or groups"),
        ("dataset_exclude", [7], TypeError, "7 is no text; expected a list of columns"),
        ("arrow", "yes", TypeError, f"'yes'; {BOOL}"),
    ),
    ("Pipeline.export_logs", "directory", 7, TypeError, "int; expected the path of a folder"),
    *each(
        ("Pipeline.export_logs",),
        ("directory", lambda w: w.folder / "step.py", NotADirectoryError, "is a file; expected a folder"),
        ("directory", lambda w: w.folder / "step.py" / "in", NotADirectoryError, "is a file; expected a folder"),
    ),
    ("Pipeline.export_logs", "file_prefix", 7, TypeError, "int; expected the beginning of a file's name"),
    *each(
        ("Pipeline.export_logs",),
        *(("file_prefix", wrong, ValueError, "without a folder") for wrong in ("", "a/b", "..\\b", "a\0")),
    ),
    ("Pipeline.export_logs", "data_size_limit", "100MB", TypeError, "'100MB'; expected a whole number"),
    ("Pipeline.export_logs", "data_size_limit", 0, ValueError, "0; expected at least 1"),
]


def right(world: World, method: str) -> dict[str, Any]:
    """The call's right arguments. What is sent in spite of a wrong one is not waited for."""
    if method == "logs":
        return {}
    if method == "export_logs":
        return {"directory": world.folder / "logs"}
    inputs = {"path": world.folder / "rows.json", "image": b"\xff\xd8\xff", "tensor": FRAME}
    return {INPUTS[method]: inputs[INPUTS[method]], "timeout": 0.2}


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_wrong_request_is_refused_by_its_name_and_nothing_is_sent_or_written(world: World, row: Row) -> None:
    method, files = row[0].partition(".")[2], sorted(world.folder.iterdir())
    dates = {"start_datetime": EARLY, "end_datetime": LATE} if row[1].endswith("_datetime") else {}
    check_refused(world, getattr(world.edited(), method), right(world, method) | dates, row)
    assert sorted(world.folder.iterdir()) == files


@pytest.mark.parametrize("call", LOGS)
def test_two_dates_belong_together_and_the_earlier_one_comes_first(world: World, call: str) -> None:
    asked = getattr(world.edited(), call.partition(".")[2])
    with pytest.raises(ValueError, match=r"^end_datetime: None, and start_datetime came alone; expected both"):
        asked(start_datetime=EARLY)
    with pytest.raises(ValueError, match=r"^start_datetime: None, and end_datetime came alone; expected both"):
        asked(end_datetime=LATE)
    with pytest.raises(ValueError, match=r"^start_datetime: .* is after end_datetime, .*; expected it before"):
        asked(start_datetime=LATE, end_datetime=EARLY)
