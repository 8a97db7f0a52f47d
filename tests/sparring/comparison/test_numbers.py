"""Numbers of two sides, compared as they are: whole numbers of 64 bits are no floats. Pure, but for the datasets."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring import compare
from sparring.comparison.outputs import difference, difference_of_arrays

I64, U64, F64 = np.int64, np.uint64, np.float64
EDGES: dict[Any, list[Any]] = {
    I64: [0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 1234567890123456789, 1234567890123456788],
    U64: [0, 1, 2**53 + 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64 - 2],
    F64: [0.0, -0.0, 0.5, 2.0**53, 2.0**63, 2.0**64, -(2.0**63), 5e-324, 1.7e308, -math.inf, math.inf],
}


@given(st.data())
def test_two_numbers_differ_by_nothing_only_where_they_are_the_same_number(data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from([I64, U64, F64])) for _ in "ab")
    a, b = (
        data.draw(st.sampled_from(EDGES[kind]) | (st.floats(allow_nan=False) if kind is F64 else _whole(kind)))
        for kind in (one, other)
    )
    (apart,) = difference_of_arrays(np.array([a], one), np.array([b], other))
    assert (apart == 0) == (a == b)
    if a != b and math.isfinite(a) and math.isfinite(b):
        exact = abs(int(a) - int(b)) if a == int(a) and b == int(b) else abs(a - b)
        assert apart == pytest.approx(_nearest(exact), rel=1e-15)


def _nearest(exact: float) -> float:
    """The nearest float64; infinite beyond its range."""
    try:
        return float(exact)
    except OverflowError:
        return math.inf


def _whole(kind: Any) -> Any:
    return st.integers(int(np.iinfo(kind).min), int(np.iinfo(kind).max))


def lists(values: list[Any], kind: Any) -> pl.Series:
    return pl.Series([[value] for value in values], dtype=pl.List(kind))


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        (lists([5, 2**53], pl.Int64), lists([5, 2**53 + 1], pl.Int64), [True, False]),
        (lists([2**63 + 1, 2**64 - 1], pl.UInt64), lists([2**63 + 2, 2**64 - 1], pl.UInt64), [False, True]),
        (lists([7, -1], pl.Int64), lists([7, 2**64 - 1], pl.UInt64), [True, False]),
        (lists([2**53, 2**53 + 1], pl.Int64), lists([2.0**53, 2.0**53], pl.Float64), [True, False]),
        (lists([3, 4], pl.Int8), lists([3, 4], pl.UInt64), [True, True]),
        (lists([None, None], pl.Int64), lists([None, 0], pl.Int64), [True, False]),
    ],
    ids=["int64", "uint64", "signed and unsigned", "whole and float", "narrow and wide", "missing"],
)
def test_whole_numbers_agree_where_they_are_equal(a: pl.Series, b: pl.Series, agree: list[bool]) -> None:
    for found in (difference(a, b), difference(b, a)):
        assert found.agree.tolist() == agree
        assert found.judged.all()
        assert found.change.tolist() == [0.0 if same else 1.0 for same in agree]
        assert (found.abs_max == 0).tolist() == agree


def dataset(folder: Path, **parts: Any) -> Path:
    """One file for each column of the output `id`."""
    folder.mkdir()
    for name, column in parts.items():
        facts: dict[str, Any] = {
            "subject": [f"{name}{row}" for row in range(len(column))],
            "row": pa.array([0] * len(column), pa.int32()),
        }
        pq.write_table(
            pa.table({**facts, "status": ["ok"] * len(column), "out.id": column}), folder / f"{name}.parquet"
        )
    return folder


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (2**53, 2**53 + 1, pa.int64()),
        (1234567890123456789, 1234567890123456788, pa.int64()),
        (2**63 + 1, 2**63 + 2, pa.uint64()),
    ],
    ids=str,
)
def test_a_model_whose_ids_all_changed_in_their_last_bit_changed(tmp_path: Path, a: int, b: int, kind: Any) -> None:
    one, other = (
        dataset(tmp_path / name, x=pa.array([[number]], pa.list_(kind))) for name, number in (("a", a), ("b", b))
    )
    totals = compare(one, other).totals
    assert (totals["outputs"]["id"]["agree"], totals["unchanged"]) == (0, 0)
    assert totals["outputs"]["id"]["abs_max"] == 1
    assert compare(one, one).totals["outputs"]["id"]["agree"] == 1


def test_an_output_whose_type_changed_with_a_version_is_compared_as_text(tmp_path: Path) -> None:
    numbers = pa.array([[7], [2**53 + 1]], pa.list_(pa.int64()))
    mixed = dataset(tmp_path / "mixed", x=numbers, y=pa.array([["cat"], ["dog"]]))
    other = dataset(
        tmp_path / "other", x=pa.array([[7], [2**53]], pa.list_(pa.int64())), y=pa.array([["cat"], ["cow"]])
    )
    assert compare(mixed, other).totals["outputs"]["id"]["agree"] == 2
    only = dataset(tmp_path / "only", x=numbers)
    for a, b in ((mixed, only), (only, mixed)):
        assert compare(a, b).totals["outputs"]["id"]["agree"] == 2


def test_columns_of_another_kind_of_list_or_text_are_compared_by_their_values(tmp_path: Path) -> None:
    plain = dataset(tmp_path / "plain", x=pa.array([["cat"], ["dog"]]))
    for number, kind in enumerate(
        (pa.list_(pa.dictionary(pa.int32(), pa.string())), pa.large_list(pa.large_string()), pa.list_(pa.string(), 1))
    ):
        other = dataset(tmp_path / str(number), x=pa.array([["cat"], ["cow"]], kind))
        assert compare(plain, other).totals["outputs"]["id"]["agree"] == 1


def test_classes_beyond_float64_are_classes_of_their_own(tmp_path: Path) -> None:
    def boxes(name: str, label: int, kind: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        columns: dict[str, Any] = {"subject": ["a"], "row": pa.array([0], pa.int32()), "status": ["ok"]}
        outputs: dict[str, Any] = {
            "out.boxes": [[0.0, 0.0, 9.0, 9.0]],
            "out.classes": pa.array([[label]], pa.list_(kind)),
        }
        pq.write_table(pa.table({**columns, **outputs}), folder / "0.parquet")
        return folder

    one, same, other = boxes("a", 2**53, pa.int64()), boxes("b", 2**53, pa.uint64()), boxes("c", 2**53 + 1, pa.uint64())
    assert compare(one, same).totals["boxes"]["matched"] == 1
    assert compare(one, other).totals["boxes"]["matched"] == 0
