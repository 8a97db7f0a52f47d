"""Rows of versions that gave an output different types: what goes together, what is left, no number changed. Pure."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.limits import MIB
from sparring.dataset.unify import columns_of, common_type, compatible, newest_types
from sparring.results.dataframe import as_frame, cells
from sparring.results.log_files import LogFiles
from sparring.results.logs import LogEntry, LogQuery, _decoded, _tables
from tests.sparring.results.test_columns import answer

NUMBER = pa.table({"out.label": pa.array([[1]], pa.list_(pa.int64())), "out.score": [[0.5]]})
TEXT = pa.table({"out.label": pa.array([["1"]])})
NAMES = ["out.label", "out.score"]


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (pa.int8(), pa.int64(), pa.int64()),
        (pa.uint8(), pa.uint64(), pa.uint64()),
        (pa.float16(), pa.float32(), pa.float32()),
        (pa.null(), pa.string(), pa.string()),
        (pa.string(), pa.large_string(), pa.large_string()),
        (pa.list_(pa.float32()), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (pa.list_(pa.int64(), 2), pa.list_(pa.int64(), 3), pa.list_(pa.int64())),
        (pa.int64(), pa.uint64(), None),
        (pa.int64(), pa.float64(), None),
        (pa.bool_(), pa.int8(), None),
        (pa.list_(pa.string()), pa.list_(pa.int64()), None),
        (pa.list_(pa.string()), pa.string(), None),
    ],
    ids=str,
)
def test_types_go_together_where_one_holds_every_value_of_both(one: Any, other: Any, common: Any) -> None:
    assert common_type(one, other) == common_type(other, one) == common


def test_a_dataframe_has_each_cell_as_its_version_gave_it() -> None:
    frame = as_frame(columns_of([NUMBER, TEXT], NAMES))
    assert frame["out.label"].tolist() == [[1], ["1"]]
    assert frame["out.score"].tolist() == [[0.5], None]


def test_an_arrow_table_has_the_newest_types_and_says_what_is_left_out() -> None:
    table, lost = newest_types([NUMBER, NUMBER, TEXT], NAMES)
    assert table.to_pydict() == {"out.label": [None, None, ["1"]], "out.score": [[0.5], [0.5], None]}
    why = "out.label is null where it was list<item: int64> in 2 rows: it is list<item: string> in the newest"
    assert lost == {"out.label": why}
    assert newest_types([TEXT, TEXT], ["out.label"])[1] == {}


@pytest.mark.parametrize(
    ("older", "kind", "newer", "kept"),
    [
        (7, pa.int64(), 0.5, True),
        (2**53 + 1, pa.int64(), 0.5, False),
        (7.0, pa.float64(), 1, True),
        (7.5, pa.float64(), 1, False),
        (2**64 - 1, pa.uint64(), 1, False),
        (5, pa.uint64(), 1, True),
    ],
)
def test_a_number_takes_the_newest_type_only_where_that_holds_it(older: Any, kind: Any, newer: Any, kept: bool) -> None:
    tables = [pa.table({"y": pa.array([[older]], pa.list_(kind))}), pa.table({"y": [[newer]]})]
    table, lost = newest_types(tables, ["y"])
    assert table["y"].to_pylist() == [[older] if kept else None, [newer]]
    assert bool(lost) is not kept


def test_tables_are_divided_where_a_columns_type_changes() -> None:
    runs = list(compatible([NUMBER, NUMBER.select(["out.score"]), NUMBER, TEXT, NUMBER]))
    assert [len(run) for run in runs] == [3, 1, 1]


@pytest.mark.parametrize(("arrow", "files"), [(False, 3), (True, 3)])
def test_an_export_begins_another_file_where_a_columns_type_changes(tmp_path: Path, arrow: bool, files: int) -> None:
    with LogFiles(tmp_path, "log", 10**6, arrow=arrow) as written:
        for table in (NUMBER, NUMBER, TEXT, TEXT, NUMBER):
            written.add(table)
    assert len(written.written) == files
    if not arrow:
        assert [path.read_text().count("out.label") for path in written.written] == [2, 2, 1]


def test_one_json_file_takes_columns_that_come_and_go(tmp_path: Path) -> None:
    with LogFiles(tmp_path, "log", 10**6, arrow=False) as written:
        for table in (NUMBER, TEXT.select([]).append_column("in.x", pa.array([1])), NUMBER):
            written.add(table)
    assert len(written.written) == 1


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([2**53 + 1, -(2**63), 2**63 - 1], pa.int64()),
        ([2**64 - 1, 2**63], pa.uint64()),
        ([2**53 + 1, None], pa.int64()),
        ([2**64 - 1, None], pa.uint64()),
        ([True, None], pa.bool_()),
        ([5e-324, -0.0, float("inf"), 1.7976931348623157e308], pa.float64()),
        ([1.5, -0.0, float("-inf"), 6e-08], pa.float16()),
    ],
)
def test_a_cell_has_the_numbers_of_its_output(values: list[Any], kind: Any) -> None:
    (cell,) = cells(pa.array([values], pa.list_(kind)))
    assert list(map(repr, cell)) == list(map(repr, values))


def test_float32_is_the_shortest_decimal_up_to_its_limits() -> None:
    values = np.array([3.4028235e38, 1e-45, -0.0, 0.1, 16777217.0], np.float32)
    (cell,) = cells(pa.array([values]))
    assert list(map(repr, cell)) == ["3.4028235e+38", "1e-45", "-0.0", "0.1", "16777216.0"]
    assert np.array(cell, np.float32).tobytes() == values.tobytes()


def test_cells_of_nested_lists_and_of_any_other_type_are_plain_python(tmp_path: Path) -> None:
    table = pa.table(
        {
            "in.nested": [[[1.5], [2.5]]],
            "in.when": pa.array([0], pa.timestamp("us", "Europe/Berlin")),
            "in.ns": pa.array([10**18 + 1], pa.timestamp("ns")),
            "in.took": pa.array([1], pa.duration("ns")),
            "in.bytes": [b"a"],
            "in.map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        }
    )
    assert cells(table["in.nested"]) == [[[1.5], [2.5]]]
    assert as_frame({"in.when": table["in.when"]})["in.when"].dt.tz is not None
    with LogFiles(tmp_path, "log", 10**6, arrow=False) as written:
        written.add(table)
    (line,) = written.written[0].read_text().splitlines()
    assert '"in.nested":[[1.5],[2.5]]' in line


def test_an_answer_that_cannot_be_read_costs_the_log_its_own_row_only() -> None:
    whole = answer({"y": [np.array([1.0], np.float32)]})
    broken = replace(whole, value=b"no arrow", request_id="broken")
    two_rows = replace(answer({"y": [np.array([1.0]), np.array([2.0])]}), request_id="longer")
    question = LogQuery.checked(None, None, None, None, ["in"])
    requests = [LogEntry(whole, {}), LogEntry(broken, {}), LogEntry(two_rows, {})]
    nowhere: Any = None  # without challengers and inputs nothing is asked
    with pytest.warns(UserWarning, match=r"1 requests have no row, .* one is broken: .*not an Arrow IPC stream"):
        tables = _tables(nowhere, requests, question)
    assert [table["out.y"].to_pylist() for table in tables] == [[[1.0]], [[1.0], [2.0]]]


def dictionary_of(text: str, rows: int) -> pa.Table:
    return pa.table({"x": pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int8()), pa.array([text]))})


def test_the_log_has_a_dictionary_as_its_text_and_what_is_large_as_null() -> None:
    columns, large = _decoded(dictionary_of("a", 2), 100, every=False)
    assert (columns["x"].type, columns["x"].to_pylist(), large) == (pa.string(), ["a", "a"], False)
    columns, large = _decoded(dictionary_of("x" * 70_000, 2), 70_200, every=False)
    assert (columns["x"].to_pylist(), large) == ([None, None], True)
    assert _decoded(dictionary_of("x" * 70_000, 2), 70_200, every=True)[1] is False
    columns, large = _decoded(dictionary_of("x" * MIB, 1000), 100, every=True)
    assert (columns["x"].null_count, large) == (1000, True)
