"""Columns of pandas, polars and Arrow in a request: what travels, what is null, what is left. Nothing runs."""

import datetime as dt
import io
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from schemas.pipelines import ModelStep, RandomSplit, WeightedModel
from schemas.tables.read import read_arrow
from sparring.frames.inputs import checked_request, frame_of
from tests.sparring.results.test_columns import pinned, version_of

TAKES_TENSOR = version_of(ModelStep(pinned("a")))


def sent(request: Any, name: str = "x", version: Any = TAKES_TENSOR) -> Any:
    """The column as it travels, beside one that the model takes."""
    rows = [[1.0, 1.0]] * len(request)
    if isinstance(request, pd.DataFrame):
        frame: Any = request.assign(tensor=pd.Series(rows, request.index))
    else:
        frame = request.append_column("tensor", pa.array(rows))
    return read_arrow(frame_of(frame, version)[0])[name]


def test_an_empty_cell_of_a_text_column_is_null() -> None:
    table = pd.read_csv(io.StringIO("y,x\n1.5,berlin\n2.5,\n"))
    assert sent(table).to_pylist() == ["berlin", None]


MISSING = {
    "str": (pd.Series(["a", None], dtype="str"), ["a", None]),
    "string[python]": (pd.Series(["a", None], dtype="string[python]"), ["a", None]),
    "string[pyarrow]": (pd.Series(["a", None], dtype="string[pyarrow]"), ["a", None]),
    "objects of text": (pd.Series(["a", None, np.nan, pd.NA], dtype=object), ["a", None, None, None]),
    "objects of numbers": (pd.Series([2**53 + 1, pd.NA, pd.NaT, None], dtype=object), [2**53 + 1, None, None, None]),
    "objects of lists": (pd.Series([[1.5], np.nan], dtype=object), [[1.5], None]),
    "objects of arrays": (pd.Series([np.ones(2), None], dtype=object), [[1.0, 1.0], None]),
    "booleans": (pd.Series([True, np.nan], dtype=object), [True, None]),
    "boolean": (pd.Series([True, None], dtype="boolean"), [True, None]),
    "Int64": (pd.Series([2**53 + 1, None], dtype="Int64"), [2**53 + 1, None]),
    "UInt64": (pd.Series([2**64 - 1, None], dtype="UInt64"), [2**64 - 1, None]),
    "Float32": (pd.Series([1.5, None], dtype="Float32"), [1.5, None]),
    "category": (pd.Series(["a", "b", None], dtype="category"), ["a", "b", None]),
    "category of numbers": (pd.Series([7, None], dtype=pd.CategoricalDtype([7, 2**53 + 1])), [7, None]),
    "arrow": (pd.Series([2**53 + 1, None], dtype=pd.ArrowDtype(pa.int64())), [2**53 + 1, None]),
    "arrow lists": (pd.Series([[1.5], None], dtype=pd.ArrowDtype(pa.list_(pa.float64()))), [[1.5], None]),
    "arrow dictionary": (
        pd.Series(["a", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
        ["a", None],
    ),
}


@pytest.mark.parametrize("kind", MISSING)
def test_a_missing_cell_is_null_and_the_others_keep_their_value(kind: str) -> None:
    column, expected = MISSING[kind]
    assert sent(pd.DataFrame({"x": column})).to_pylist() == expected


KEPT = {
    "NaN beside floats": (pd.Series([1.5, np.nan]), "[1.5, nan]"),
    "NaN beside objects that are floats": (pd.Series([1.5, np.nan], dtype=object), "[1.5, nan]"),
    "-0.0": (pd.Series([-0.0, np.inf]), "[-0.0, inf]"),
    "subnormals": (pd.Series([5e-324, 1.7976931348623157e308]), "[5e-324, 1.7976931348623157e+308]"),
    "uint64": (pd.Series([2**64 - 1], dtype="uint64"), "[18446744073709551615]"),
    "int64": (pd.Series([2**53 + 1, -(2**63)]), "[9007199254740993, -9223372036854775808]"),
    "objects beyond int64": (pd.Series([2**63, 1], dtype=object), "[9223372036854775808, 1]"),
    "lists beyond int64": (pd.Series([[2**63]], dtype=object), "[[9223372036854775808]]"),
    "float16": (pd.Series(np.array([1.5], np.float16)), "[1.5]"),
    "big endian": (pd.Series(np.array([1.5], ">f8")), "[1.5]"),
    "big endian cells": (pd.Series([np.array([1, 2], ">i4")]), "[[1, 2]]"),
    "sparse": (pd.Series([0.0, 1.5], dtype="Sparse[float]"), "[0.0, 1.5]"),
    "numpy scalars": (pd.Series([np.int64(2**53 + 1), np.uint8(1)], dtype=object), "[9007199254740993, 1]"),
}


@pytest.mark.parametrize("kind", KEPT)
def test_a_number_keeps_its_value(kind: str) -> None:
    column, expected = KEPT[kind]
    assert str(sent(pd.DataFrame({"x": column})).to_pylist()) == expected


WITHOUT_A_MODEL = {
    "times": pd.Series([pd.Timestamp("2026-01-01"), pd.NaT]),
    "times of a zone": pd.Series([pd.Timestamp("2026-01-01"), pd.NaT]).dt.tz_localize("Europe/Berlin"),
    "durations": pd.Series([pd.Timedelta("1s"), pd.NaT]),
    "periods": pd.Series(pd.period_range("2026", periods=2, freq="M")),
    "intervals": pd.Series(pd.interval_range(0, 2)),
    "decimals": pd.Series([Decimal("1.5"), None], dtype=object),
    "dates": pd.Series([dt.date(2026, 1, 1), pd.NaT], dtype=object),
    "objects": pd.Series([{"a": 1}, np.nan], dtype=object),
    "bytes": pd.Series([b"a", None], dtype=object),
}


@pytest.mark.parametrize("kind", WITHOUT_A_MODEL)
def test_a_column_that_no_model_takes_travels_whatever_its_type(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(sent(pd.DataFrame({"x": WITHOUT_A_MODEL[kind]}))) == 2


NOT_OF_ARROW = {
    "complex": pd.Series([1j, 2j]),
    "text and numbers": pd.Series(["a", 1], dtype=object),
    "lists and text": pd.Series([[1.0], "a"], dtype=object),
    "objects": pd.Series([object(), object()]),
    "numbers that would be rounded": pd.Series([2**53 + 1, 0.5], dtype=object),
    "numbers of 65 bits": pd.Series([2**64, 1], dtype=object),
}


@pytest.mark.parametrize("kind", NOT_OF_ARROW)
def test_a_column_that_arrow_has_no_type_for_stops_only_a_request_that_needs_it(kind: str) -> None:
    frame = pd.DataFrame({"x": NOT_OF_ARROW[kind], "tensor": [[1.0, 2.0]] * 2})
    with pytest.warns(UserWarning, match="tensor: column 'x': .*; it is not sent, as no model takes it"):
        value, _ = frame_of(frame, TAKES_TENSOR)
    assert read_arrow(value).column_names == ["tensor"]
    keyed = RandomSplit((WeightedModel(1, pinned("a")),), "x")
    for version in (version_of(ModelStep(pinned("a", fields=("x",)))), version_of(keyed), version_of()):
        with pytest.raises(TypeError, match=r"tensor: column 'x': .*; expected numbers, text, or lists of numbers"):
            frame_of(frame, version)


def test_a_dictionary_longer_than_its_column_is_not_sent() -> None:
    words = pa.table({"x": pa.array([f"{number:05}" for number in range(50_000)]).dictionary_encode()})
    assert sent(words.slice(7, 2)).type == pa.string()
    assert sent(words.slice(7, 2)).to_pylist() == ["00007", "00008"]
    few = pa.table({"x": pa.array(["a", "a", "b"]).dictionary_encode()})
    assert sent(few).type == few["x"].type


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pl.DataFrame({"x": [1]}), r"polars.DataFrame; expected a pandas.DataFrame or a pyarrow.Table \(pyarrow.table"),
        (pa.record_batch({"x": [1]}), r"pyarrow.RecordBatch; expected .*Table.from_batches\(\[batch\]\)"),
        ({"x": [1]}, r"tensor: dict; expected a pandas.DataFrame or a pyarrow.Table \(infer_image takes"),
        (pd.Series([1]), "pandas.Series; expected a pandas.DataFrame"),
    ],
    ids=str,
)
def test_another_kind_of_table_is_refused_with_what_makes_one_of_it(given: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        checked_request(given)
