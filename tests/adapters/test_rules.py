"""Validation rules: what may be written, what is refused, and what they say of rows."""

import json
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from adapters.rules import Rules, _evaluated, parsed, read, why_not, written
from schemas.limits import MIB
from schemas.pipelines import Validation
from schemas.tables.read import output_columns

OUT = pl.col("out.variable").list.get(0)


def outputs(*values: float) -> pa.Table:
    return output_columns({"variable": [np.array([value], np.float32) for value in values]})


def said(rules: dict[str, pl.Expr], table: pa.Table, inputs: pa.Table | None = None) -> dict[str, list[Any]]:
    anomalies, _ = Rules([written(name, rule) for name, rule in rules.items()]).anomalies(table, inputs)
    return anomalies.to_pydict()


@pytest.mark.parametrize(
    "rule",
    [
        OUT > 1_000_000.0,
        (OUT < 0) | (OUT > 10) & ~OUT.is_null(),
        pl.col("out.confidences").list.mean().fill_null(0.0) < 0.3,
        pl.col("out.confidences").list.eval(pl.element() > 0.5).list.sum() == 0,
        pl.col("out.classes").list.len() > 100,
        pl.col("in.tensor").list.max().cast(pl.Float64) > 1.0,
        pl.when(pl.col("in.shop") == "north").then(OUT > 5).otherwise(OUT > 9),
        pl.col("in.shop").str.contains("^door").alias("named"),
        pl.col("out.variable").list.first().is_between(1, 2),
    ],
    ids=str,
)
def test_what_people_write_survives_the_journey(rule: pl.Expr) -> None:
    assert read(written("rule", rule)).meta == rule.meta


def test_true_is_an_anomaly_and_count_counts_them_per_row() -> None:
    found = said({"high": OUT > 2, "odd": OUT == 3}, outputs(1, 2.5, 3))
    assert found == {
        "anomaly.count": [0, 1, 2],
        "anomaly.high": [False, True, True],
        "anomaly.odd": [False, False, True],
    }


def test_a_rule_sees_the_request_beside_the_outputs() -> None:
    found = said({"cheap": pl.col("in.floor") > OUT}, outputs(1, 5), pa.table({"floor": [2.0, 2.0]}))
    assert found["anomaly.cheap"] == [True, False]


def test_a_rule_that_fails_on_one_row_is_null_there_and_says_why() -> None:
    table = output_columns({"x": [np.array([1.0]), np.array([]), np.array([3.0])]})
    rules = Rules([written("second", pl.col("out.x").list.get(0) > 2)])
    anomalies, failed = rules.anomalies(table, None)
    assert anomalies.to_pydict() == {"anomaly.count": [0, 0, 1], "anomaly.second": [False, None, True]}
    assert "second" in failed


def test_a_rule_over_inputs_that_an_image_does_not_have_is_null() -> None:
    assert said({"wide": pl.col("in.width") > 3}, outputs(1)) == {"anomaly.count": [0], "anomaly.wide": [None]}


ODD = {
    "month, day, nanoseconds": pa.array([None], pa.month_day_nano_interval()),
    "a union": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    "a time of an unknown zone": pa.array([0], pa.timestamp("ms", "Mars/Olympus")),
    "decimals of 76 digits": pa.array([1], pa.decimal256(76, 0)),
    "lists of nothing": pa.array([[]], pa.list_(pa.float32(), 0)),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_column_that_polars_does_not_know_is_only_lost_to_the_rules_that_name_it(kind: str) -> None:
    inputs = pa.table({"floor": [2.0], "odd": ODD[kind]})
    cheap = written("cheap", pl.col("in.floor") > OUT)
    assert Rules([cheap]).anomalies(outputs(1), inputs)[0]["anomaly.cheap"].to_pylist() == [True]
    found, failed = Rules([cheap, written("odd", pl.col("in.odd") == 1)]).anomalies(outputs(1), inputs)
    assert found.to_pydict() == {"anomaly.count": [1], "anomaly.cheap": [True], "anomaly.odd": [None]}
    assert failed.keys() == {"odd"}


ENCODED = {
    "a dictionary": pa.array(["north", "south"]).dictionary_encode(),
    "views": pa.array(["north", "south"], pa.string_view()),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array(["north", "south"])),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_a_rule_sees_an_encoded_column_as_the_text_that_it_stands_for(kind: str) -> None:
    rule = (pl.col("in.shop") < "o") & pl.col("in.shop").str.starts_with("nor")
    found = said({"north": rule}, outputs(1, 2), pa.table({"shop": ENCODED[kind]}))
    assert found["anomaly.north"] == [True, False]


def test_a_column_that_decodes_to_too_much_is_only_lost_to_the_rules_that_name_it() -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int8()), pa.array(["x" * MIB]))
    rules = Rules([written("floor", pl.col("in.floor") > 1), written("note", pl.col("in.note") == "a")])
    found, failed = rules.anomalies(outputs(*[1.0] * 1000), pa.table({"floor": [2.0] * 1000, "note": texts}))
    assert found["anomaly.floor"].to_pylist() == [True] * 1000
    assert found["anomaly.note"].null_count == 1000
    assert "decodes to too much" in failed["note"]


@pytest.mark.parametrize(("dtype", "number"), [(np.int64, 2**53), (np.uint64, 2**64 - 2), (np.int64, -(2**63))])
def test_a_rule_compares_whole_numbers_as_whole_numbers(dtype: Any, number: int) -> None:
    table = output_columns({"id": [np.array([number], dtype), np.array([number + 1], dtype)]})
    first = pl.col("out.id").list.get(0)
    found = said({"same": first == number, "sql": read(parsed("sql", f'"out.id"[1] > {number}'))}, table)
    assert (found["anomaly.same"], found["anomaly.sql"]) == ([True, False], [False, True])


def test_a_rule_that_names_no_column_says_the_same_of_each_row() -> None:
    assert said({"always": pl.lit(value=True)}, outputs(1, 2))["anomaly.always"] == [True, True]


@pytest.mark.parametrize("name", ["", "count", "too high", "1st", "a.b", "x" * 64])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected letters, digits and underscores"):
        written(name, OUT > 1)


def test_something_else_than_an_expression_is_refused() -> None:
    with pytest.raises(TypeError, match="rule': str; expected a polars expression"):
        written("rule", "out.x > 1")


def test_a_python_function_is_refused_by_the_client() -> None:
    with pytest.raises(ValueError, match=r"expected no Python functions|without Python functions"):
        written("rule", pl.col("out.x").map_batches(lambda series: series, return_dtype=pl.Boolean))


def test_a_python_function_is_named_as_the_reason_and_not_the_package_that_would_pickle_it() -> None:
    with pytest.raises(ValueError, match=r"it holds a Python function \(map_elements") as refused:
        written("rule", pl.col("out.x").map_elements(lambda value: value, return_dtype=pl.Boolean))
    assert "cloudpickle" not in str(refused.value)


def test_columns_that_are_not_named_are_refused_with_how_to_name_them() -> None:
    with pytest.raises(ValueError, match=r'expected each by its name, pl.col\("out.variable"\)'):
        written("rule", pl.all() > 3)


def test_a_list_that_is_compared_whole_is_refused_with_how_to_take_a_value_out_of_it() -> None:
    why = str(why_not(written("rule", pl.col("out.x") > 1), {"tensor": "float32"}, {"x": "float32"}))
    assert why.endswith("a cell is a list: .list.get(0) is its first value, .list.max() its largest")
    assert "following expression" not in why


def test_a_column_without_quotes_in_sql_is_refused_with_the_quotes() -> None:
    why = why_not(parsed("rule", "out.x > 1"), {}, {"x": "float32"})
    assert why == "no column 'out'; there are out.x (in SQL a name with a dot stands in double quotes: \"out.y\")"


COLUMN = {"Column": "out.x"}


@pytest.mark.parametrize(
    "tree",
    [
        {"AnonymousFunction": {"input": [COLUMN], "function": [1, 2, 3], "options": {}}},
        {"BinaryExpr": {"left": COLUMN, "op": "Gt", "right": {"PythonUdf": {"input": [COLUMN]}}}},
        {"Function": {"input": [COLUMN], "function": {"FfiPlugin": {"lib": "evil.so", "symbol": "run"}}}},
        {"Function": {"input": [{"AnonymousAgg": {}}], "function": {"Boolean": "IsNull"}}},
        {"Literal": {"Series": [1, 2, 3]}},
        {"Cast": {"expr": {"Window": {}}, "dtype": "Float64", "options": "NonStrict"}},
        {"Agg": []},
        ["Column"],
        "Wildcard",
        7,
        None,
    ],
    ids=str,
)
def test_what_is_not_named_as_harmless_is_refused_by_the_worker_before_polars_sees_it(tree: object) -> None:
    with pytest.raises(ValueError, match="validation 'rule'"):
        Rules([Validation("rule", json.dumps(tree))])


def test_a_tree_too_deep_or_too_large_is_refused() -> None:
    deep: Any = COLUMN
    for _ in range(100):
        deep = {"Alias": [deep, "x"]}
    with pytest.raises(ValueError, match="nested more than 64"):
        read(Validation("rule", json.dumps(deep)))
    with pytest.raises(ValueError, match="expected at most 65536"):
        read(Validation("rule", " " * 70_000))
    with pytest.raises(ValueError, match="validation 'rule'"):
        read(Validation("rule", "[" * 60_000))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (pl.col("out.wrong").list.get(0) > 1, "no column 'out.wrong'; there are out.x"),
        (pl.col("x") > 1, "no column 'x'; there are out.x"),
        (pl.col("out.x").list.get(0) + 1, "the rule gives Float32; expected true or false"),
        (pl.col("out.x").str.contains("a"), "expected"),
        (pl.col("in.tensor").str.len_chars() > 1, "expected"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_evaluated_says_why(rule: pl.Expr, reason: str) -> None:
    assert reason in str(why_not(written("rule", rule), {"tensor": "float32"}, {"x": "float32"}))


@pytest.mark.parametrize(
    "rule",
    [
        pl.col("out.x").list.max() > 1,
        pl.col("in.tensor") > 1,
        pl.col("in.tensor").list.max() > 1,
        pl.col("in.camera") == "door",
        pl.col("in.name").str.contains("a"),
    ],
    ids=str,
)
def test_a_rule_that_can_be_evaluated_has_nothing_against_it(rule: pl.Expr) -> None:
    assert why_not(written("rule", rule), {"tensor": "float32", "name": "string"}, {"x": "float32"}) is None


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ('"out.y"[0] > 1', "index 0; expected"),
        ('ARRAY_GET("out.y", 1 - 1) > 1', "an index that is computed; expected a whole number"),
        ('ARRAY_GET("out.y", "out.n") > 1', "an index that is computed; expected a whole number"),
    ],
)
def test_an_index_of_sql_that_is_or_may_become_0_is_refused(sql: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed("rule", sql)


def test_a_text_may_say_anything() -> None:
    rule = pl.col("in.label") == "python pickle plugin"
    labels = pa.table({"label": ["python pickle plugin"]})
    assert said({"named": rule}, outputs(1), labels)["anomaly.named"] == [True]


def test_a_rule_that_fails_on_one_row_is_null_there_alone() -> None:
    rows = output_columns({"variable": [np.arange(2 if row != 5 else 1, dtype=np.float32) for row in range(64)]})
    found = said({"second": pl.col("out.variable").list.get(1) > 0}, rows)["anomaly.second"]
    assert found == [True] * 5 + [None] + [True] * 58


def test_a_rule_that_fails_on_every_row_of_a_large_table_takes_no_more_tries_than_it_is_given() -> None:
    rows = pl.DataFrame({"out.variable": [[0.0]] * 20_000})
    tries = iter(range(100))
    found, why = _evaluated(rows, pl.col("out.variable").list.get(1) > 0, tries)
    assert found.to_list() == [None] * 20_000
    assert why is not None
    assert next(tries, None) is None


@pytest.mark.parametrize(
    ("sql", "kind", "values", "is_true"),
    [
        ('"out.y"[1] + 100 > 250', np.uint8, [200, 0], True),
        ('"out.y"[1] - "out.y"[2] > 0', np.uint8, [1, 2], False),
        ('"out.y"[1] * 2 > 250', np.int8, [127, 0], True),
        ('"out.y"[1] - 5 > 0', np.uint64, [1, 0], False),
        ('"out.y"[1] > 9223372036854775807', np.uint64, [2**63, 0], True),
    ],
)
def test_arithmetic_of_whole_numbers_does_not_wrap_round(sql: str, kind: Any, values: list[int], is_true: bool) -> None:
    table = output_columns({"y": [np.array(values, kind)]})
    found, failed = Rules([parsed("rule", sql)]).anomalies(table, None)
    assert (found["anomaly.rule"].to_pylist(), failed) == ([is_true], {})
