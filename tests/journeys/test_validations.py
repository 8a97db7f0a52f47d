"""Validation rules, as the tutorial writes them: true is an anomaly, and no result is blocked."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from schemas.tables.read import read_arrow
from sparring import Client, ModelVersion, Pipeline
from tests.journeys.wire import Wire

Scale = Callable[[str, float], ModelVersion]
TOO_HIGH = pl.col("out.y").list.get(0) > 10.0


def test_results_say_which_rows_are_anomalies(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("ruled", 2.0)).add_validations(
        too_high=TOO_HIGH, negative=pl.col("in.tensor").list.min() < 0
    )
    pipeline.deploy()
    result = pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0], [6.0, 1.0], [7.0, -1.0]]}))
    columns = ["time", "in.tensor", "out.y", "anomaly.count", "anomaly.negative", "anomaly.too_high"]
    assert list(result.columns) == columns
    assert result["anomaly.count"].tolist() == [0, 1, 2]
    assert result["anomaly.too_high"].tolist() == [False, True, True]
    assert result["anomaly.negative"].tolist() == [False, False, True]


def test_rules_are_part_of_the_version_and_stay_until_they_are_removed(
    client: Client, pipeline: Pipeline, scale: Scale
) -> None:
    pipeline.add_model_step(scale("ruled", 2.0)).add_validations(too_high=TOO_HIGH).deploy()
    again = client.get_pipeline(pipeline.name())
    assert list(again.validations()) == ["too_high"]
    again.replace_with_model_step(0, scale("unruled", 3.0)).deploy()
    assert "anomaly.too_high" in again.infer(pd.DataFrame({"tensor": [[1.0, 2.0]]})).columns
    again.remove_validation("too_high").deploy()
    unruled = again.infer(pd.DataFrame({"tensor": [[1.0, 2.0]]}))
    assert list(unruled.columns) == ["time", "in.tensor", "out.y", "anomaly.count"]
    assert again.logs()["anomaly.count"].tolist() == [0, 0]


def test_a_rule_that_cannot_be_evaluated_is_refused_at_deploy(pipeline: Pipeline, scale: Scale) -> None:
    versions = pipeline.versions()
    pipeline.add_model_step(scale("ruled", 2.0)).add_validations(wrong=pl.col("out.z") > 1)
    with pytest.raises(ValueError, match=r"validation 'wrong' cannot be evaluated over ruled: no column 'out.z'"):
        pipeline.deploy()
    assert pipeline.versions() == versions


def test_a_rule_that_fails_on_a_request_blocks_no_result(pipeline: Pipeline, wire: Wire, scale: Scale) -> None:
    pipeline.add_model_step(scale("ruled", 2.0)).add_validations(far=pl.col("out.y").list.get(7) > 1).deploy()
    answer = wire.answer(wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]'))
    assert answer.status == "ok"
    assert read_arrow(answer.value).to_pydict() == {"y": [[2.0, 4.0]], "anomaly.count": [0], "anomaly.far": [None]}


def test_house_prices_above_a_million_are_the_tutorials_57(client: Client, pipeline: Pipeline, shared: Path) -> None:
    case = shared / "cases" / "anomaly_houseprice"
    expected = json.loads((case / "expected.json").read_text())
    model = client.upload_model("rf-model", case / "rf_model.onnx").configure("onnx")
    pipeline.add_model_step(model).add_validations(too_high=pl.col("out.variable").list.get(0) > 1000000.0).deploy()
    result = pipeline.infer(pd.read_json(case / "test-1000.df.json"), timeout=60)
    high = result[result["anomaly.too_high"] == True]  # noqa: E712  # as the tutorial asks
    assert len(high) == expected["count"] == 57
    assert high["anomaly.count"].tolist() == [1] * 57
    for index, price in expected["first"]:
        assert high["out.variable"][index][0] == pytest.approx(price, rel=1e-6)
