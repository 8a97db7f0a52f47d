"""Recorded inputs and printed answers of real tutorials, through the whole system."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sparring import Client, ModelVersion, Pipeline
from tests.reading import bits, read_file

PRINTED = 1e-6
"""Relative: the tutorials print float32 in its shortest decimal."""


def upload(client: Client, path: Path, name: str) -> ModelVersion:
    return client.upload_model(name, path).configure("onnx", tensor_fields=["tensor"])


@pytest.fixture
def houseprice(shared: Path) -> Path:
    return shared / "cases/ab_houseprice"


def test_ab_houseprice_each_arm_gives_its_printed_value(client: Client, pipeline: Pipeline, houseprice: Path) -> None:
    expected = json.loads((houseprice / "expected.json").read_text())
    arms = [(weight, upload(client, houseprice / file, name)) for weight, name, file in expected["steps"]]
    assert [model.sha() for _weight, model in arms] == [
        expected["sha"][file] for _weight, _name, file in expected["steps"]
    ]
    pipeline.add_random_split(arms, hash_key=expected["hash_key"]).deploy()
    seen = {}
    for _ in range(40):
        result = pipeline.infer(pd.read_json(houseprice / "xtest-1.df.json"))
        (split,) = result["out._model_split"][0]
        seen[json.loads(split)["name"]] = result["out.variable"][0]
    assert seen.keys() == expected["xtest-1"].keys()
    for name, value in expected["xtest-1"].items():
        assert seen[name] == pytest.approx(value, rel=PRINTED)


def test_ab_houseprice_every_recorded_row_is_given_again_by_the_model_that_it_names(
    client: Client, pipeline: Pipeline, houseprice: Path
) -> None:
    recorded = pd.read_json(houseprice / "recorded_split_1000.df.json")
    expected = json.loads((houseprice / "expected.json").read_text())
    splits = recorded["out._model_split"].map(lambda cell: json.loads(cell[0]))
    for number, (file, sha) in enumerate(expected["sha"].items()):
        rows = recorded[splits.map(lambda split, sha=sha: split["sha"] == sha)]
        if rows.empty:
            continue
        model = upload(client, houseprice / file, f"recorded-{number}")
        pipeline.clear().add_model_step(model).deploy()
        result = pipeline.infer(pd.DataFrame({"tensor": rows["in.tensor"].tolist()}))
        got, wanted = (np.array([cell[0] for cell in frame["out.variable"]]) for frame in (result, rows))
        np.testing.assert_allclose(got, wanted, rtol=PRINTED)


def test_ab_houseprice_as_a_shadow_gives_all_three_printed_values(
    client: Client, pipeline: Pipeline, houseprice: Path
) -> None:
    xgb, rf, gbr = (
        upload(client, houseprice / f"{kind}_model.onnx", f"house-price-{name}")
        for kind, name in (("xgb", "prime"), ("rf", "rf-model"), ("gbr", "gbr-model"))
    )
    pipeline.add_shadow_deploy(xgb, [rf, gbr]).deploy()
    result = pipeline.infer(pd.read_json(houseprice / "singleton.df.json"))
    printed = {
        "out.variable": 2176827.0,
        "out_house-price-gbr-model.variable": 1981238.0,
        "out_house-price-rf-model.variable": 1514079.4,
    }
    for column, value in printed.items():
        assert result[column][0] == pytest.approx([value], rel=PRINTED)


def test_shadow_ccfraud_prints_the_tutorials_columns_and_values(
    client: Client, pipeline: Pipeline, shared: Path
) -> None:
    folder = shared / "cases/shadow_ccfraud"
    expected = json.loads((folder / "expected.json").read_text())
    champion = upload(client, folder / "keras_ccfraud.onnx", "ccfraud-lstm")
    challengers = [
        upload(client, folder / "modelA.onnx", "ccfraud-rf"),
        upload(client, folder / "xgboost_ccfraud.onnx", "ccfraud-xgb"),
    ]
    pipeline.add_shadow_deploy(champion, challengers).deploy()
    result = pipeline.infer(pd.read_json(folder / "smoke_test.df.json"))
    # anomaly.count exists only where a pipeline has validation rules.
    assert list(result.columns) == [name for name in expected["columns"] if name != "anomaly.count"]
    for column, value in expected.items():
        if column.startswith("out"):
            assert result[column][0] == value


def test_chain_imdb_feeds_one_model_with_the_others_output(client: Client, pipeline: Pipeline, shared: Path) -> None:
    folder = shared / "cases/chain_imdb"
    embedder = upload(client, folder / "embedder.onnx", "embedder")
    sentiment = upload(client, folder / "sentiment_model.onnx", "sentiment")
    pipeline.add_model_step(embedder).add_model_step(sentiment).deploy()
    result = pipeline.infer(pd.read_json(folder / "singleton.df.json"))
    printed = json.loads((folder / "expected.json").read_text())["singleton"]
    assert result["out.dense_1"][0] == pytest.approx(printed, rel=PRINTED)

    batch = pipeline.infer(read_file(folder / "test_data.arrow"))
    computed = [0.37142318, 0.9655761, 0.07601619, 0.24645236, 0.08632833, 0.6396135]
    got = bits(batch, "out.dense_1")
    assert len(got) == 50
    assert got[:6] == pytest.approx(computed, rel=PRINTED)


def test_tutorial_postprocess_the_mean_is_taken_in_float64(
    client: Client, pipeline: Pipeline, average: ModelVersion, shared: Path
) -> None:
    expected = json.loads((shared / "cases/tutorial_postprocess/expected.json").read_text())
    pipeline.add_model_step(average).deploy()
    assert client.get_current_workspace().name() == "default"
    for printed in (expected["mobilenet"], expected["resnet"]):
        detections = pa.table(
            {
                "boxes": pa.array([[0.0] * 4 * len(printed["classes"])], pa.list_(pa.float32())),
                "classes": pa.array([printed["classes"]], pa.list_(pa.int64())),
                "confidences": pa.array([printed["confidences"]], pa.list_(pa.float32())),
            }
        )
        result = pipeline.infer(detections)
        (mean,) = result.column("out.avg_conf")[0].as_py()
        assert mean == pytest.approx(printed["avg_conf"][0], rel=1e-14)
