"""Recorded inputs and printed answers of real tutorials, through the whole system."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sparring import Client, ModelVersion, Pipeline
from tests.reading import bits, read_file
from tests.small_models import same_image_model

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


def test_ab_houseprice_a_thousand_single_rows_split_as_the_weights_say_and_each_is_its_models_own(
    client: Client, pipeline: Pipeline, houseprice: Path
) -> None:
    expected = json.loads((houseprice / "expected.json").read_text())
    arms = [(weight, upload(client, houseprice / file, name)) for weight, name, file in expected["steps"]]
    rows = pd.read_json(houseprice / "normal-inputs.df.json").head(1000)
    alone = {}
    for _, model in arms:
        pipeline.clear().add_model_step(model).deploy()
        alone[model.name()] = [cell[0] for cell in pipeline.infer(rows)["out.variable"]]
    pipeline.clear().add_random_split(arms).deploy()
    result = pipeline.parallel_infer(rows, batch_rows=1, num_parallel=16, timeout=60, progress=False)
    names = [json.loads(cell[0])["name"] for cell in result["out._model_split"]]
    # 645 and 355 were printed. Binomial(1000, 2/3) has a standard deviation of 14.9: this is five of them.
    assert names.count("houseprice-control") == pytest.approx(667, abs=75)
    assert names.count("houseprice-control") + names.count("houseprice-challenger") == len(rows) == 1000
    assert result["in.tensor"].tolist() == rows["tensor"].tolist()
    assert [cell[0] for cell in result["out.variable"]] == [alone[name][row] for row, name in enumerate(names)]


@pytest.mark.parametrize("recorded", ["export_logs_2023.jsonl", "export_logs_2025.jsonl"])
def test_ab_houseprice_what_was_exported_is_given_again_bit_for_bit_and_exported_with_the_same_columns(
    client: Client, pipeline: Pipeline, houseprice: Path, tmp_path: Path, recorded: str
) -> None:
    lines = [json.loads(line) for line in (houseprice / recorded).read_text().splitlines()]
    expected = json.loads((houseprice / "expected.json").read_text())["sha"]
    file_of = {sha: file for file, sha in expected.items()}
    for sha in {_sha(line) for line in lines}:
        chosen = [line for line in lines if _sha(line) == sha]
        model = upload(client, houseprice / file_of[sha], f"exported-{file_of[sha].partition('_')[0]}")
        pipeline.clear().add_random_split([(1, model)]).deploy()
        request = pd.DataFrame({name: [line[f"in.{name}"] for line in chosen] for name in ("index", "tensor")})
        result = pipeline.infer(request)
        assert result["out.variable"].tolist() == [shortest(line["out.variable"]) for line in chosen]
    (exported,) = pipeline.export_logs(tmp_path, limit=1)
    (own,) = (json.loads(line) for line in exported.read_text().splitlines())
    # What was check_failures in 2023 is anomaly.count since 2024.
    assert list(own) == [{"check_failures": "anomaly.count"}.get(name, name) for name in lines[0]]
    assert own["anomaly.count"] == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", own["time"])


def _sha(line: dict[str, Any]) -> str:
    split = json.loads(line["out._model_split"][0])
    return str(split["sha"] if "sha" in split else split["model_version"]["file_info"]["sha"])


def shortest(values: list[float]) -> list[float]:
    """float32 values that were exported as float64, as the shortest decimals that give them back."""
    return [float(str(np.float32(value))) for value in values]


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


def test_image_preprocess_a_flat_list_is_the_models_whole_input(
    client: Client, pipeline: Pipeline, shared: Path, tmp_path: Path
) -> None:
    path = tmp_path / "same.onnx"
    path.write_bytes(same_image_model(224))
    model = client.upload_model("same-image", path).configure("onnx", batch_config="single")
    pipeline.add_model_step(model).deploy()
    file = shared / "cases/image_preprocess/image_224x224.arrow"
    result = pipeline.infer_from_file(file)
    assert isinstance(result, pa.Table)
    assert len(bits(result, "out.y")) == 3 * 224 * 224
    assert bits(result, "out.y").tobytes() == bits(read_file(file), "tensor").tobytes()


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
    assert list(result.columns) == expected["columns"]
    for column, value in expected.items():
        if column.startswith(("out", "anomaly")):
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
