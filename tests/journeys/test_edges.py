"""What is easily forgotten, through everything that really runs: keys, batches, edits of every kind, wiring, nothing
found, a second client, and which table comes back."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from adapters.settings import Settings
from sparring import Client, Framework, ModelVersion, Pipeline
from sparring.object import EntityNotFoundError, InferenceError
from sparring.stack import LocalStack
from sparring.vision import draw_result
from tests.journeys.wire import Wire

Scale = Callable[[str, float], ModelVersion]
ONE = pd.DataFrame({"tensor": [[1.0, 2.0]]})
DETECTOR = """
import numpy as np

def process(arrays):
    '''As many boxes as the first number says, each as sure as the second.'''
    count, sure = int(arrays["tensor"].ravel()[0]), arrays["tensor"].ravel()[1]
    return {
        "boxes": np.arange(4 * count, dtype=np.float32).reshape(count, 4),
        "classes": np.full(count, 39, np.int64),
        "confidences": np.full(count, sure, np.float32),
    }
"""
RATIO = """
def process(arrays):
    return {"ratio": arrays["above"] / arrays["below"]}
"""


def schema(**types: str) -> pa.Schema:
    kinds: dict[str, Any] = {"float": pa.float32(), "double": pa.float64(), "int": pa.int64()}
    fields: list[pa.Field[Any]] = [pa.field(name, pa.list_(kinds[kind])) for name, kind in types.items()]
    return pa.schema(fields)


@pytest.fixture
def python(client: Client, tmp_path: Path) -> Callable[..., ModelVersion]:
    """`python(name, source, takes, gives)`: a Python step."""

    def make(name: str, source: str, takes: pa.Schema, gives: pa.Schema) -> ModelVersion:
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        return client.upload_model(name, path, Framework.PYTHON, input_schema=takes, output_schema=gives)

    return make


@pytest.fixture
def detect(python: Callable[..., ModelVersion]) -> Callable[[str], ModelVersion]:
    """`detect(name)`: a detector that finds as many bottles as it is told."""
    gives = schema(boxes="float", classes="int", confidences="float")
    return lambda name: python(name, DETECTOR, schema(tensor="float"), gives)


def chosen(result: pd.DataFrame) -> set[str]:
    return {json.loads(cell[0])["name"] for cell in result["out._model_split"]}


# --- names ----------------------------------------------------------------------------------


def test_the_same_workspace_is_got_twice_and_what_is_missing_is_said(client: Client, pipeline: Pipeline) -> None:
    made = client.get_workspace("edges", create_if_not_exist=True)
    again = client.get_workspace("edges", create_if_not_exist=True)
    assert (again, again.id(), repr(again)) == (made, made.id(), repr(made))
    assert [one.name() for one in client.list_workspaces()].count("edges") == 1
    for missing in (client.get_workspace, client.get_model, client.get_pipeline, pipeline.rollback):
        with pytest.raises(EntityNotFoundError, match="missing"):
            missing("missing")


def test_a_second_client_goes_on_where_the_first_one_left_after_it_is_closed(
    stack: LocalStack, client: Client, pipeline: Pipeline, scale: Scale
) -> None:
    with Client(Settings.read(stack.environment())) as second:
        workspace = second.get_workspace("default")
        second.get_pipeline(pipeline.name()).add_model_step(scale("double", 2.0)).deploy()
    assert client.set_current_workspace(workspace) == client.get_current_workspace()
    assert pipeline.name() in [one.name() for one in client.get_current_workspace().pipelines()]
    assert pipeline.steps() == client.get_pipeline(pipeline.name()).steps() != []
    assert pipeline.infer(ONE)["out.y"].tolist() == [[2, 4]]


# --- hash keys and batches ------------------------------------------------------------------


def test_a_hash_key_is_a_position_a_text_or_missing_and_anything_else_is_an_error(
    pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    arms = [(1, scale("half", 2.0)), (1, scale("other", 3.0))]
    pipeline.add_random_split(arms, hash_key="place").deploy()
    asked: list[tuple[Any, str]] = [(0, "half"), (0.0, "half"), (0.5, "other"), (1, "other"), (1.0, "other")]
    for place, name in asked:
        assert chosen(pipeline.infer(ONE.assign(place=[place]))) == {name}, place
    for place in (1.5, float("nan"), 17, -1):
        with pytest.raises(InferenceError, match="HashKeyOutOfRange"):
            pipeline.infer(ONE.assign(place=[place]))
    by_text = [chosen(pipeline.infer(ONE.assign(place=["till-3"]))) for _ in range(4)]
    assert by_text == by_text[:1] * 4
    assert chosen(pipeline.infer(ONE.assign(place=[0.0]), headers={"place": "till-3"})) == by_text[0]
    assert chosen(pipeline.infer(ONE)) <= {"half", "other"}
    (choice,) = wire.answer(wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]')).split
    assert choice.missing


def test_a_batch_goes_to_one_model_and_keeps_its_rows_in_order(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_random_split([(1, scale("half", 2.0)), (1, scale("other", 3.0))]).deploy()
    batch = pd.DataFrame({"tensor": [[float(row), 1.0] for row in range(50)]})
    result = pipeline.infer(batch)
    (name,) = chosen(result)
    factor = {"half": 2.0, "other": 3.0}[name]
    assert result["out.y"].tolist() == [[row * factor, factor] for row in range(50)]
    assert result["in.tensor"].tolist() == batch["tensor"].tolist()


# --- edits ----------------------------------------------------------------------------------


def test_every_kind_of_step_is_replaced_by_every_kind(client: Client, pipeline: Pipeline, scale: Scale) -> None:
    champion, rival = scale("champ", 2.0), scale("rival", 3.0)
    kinds: dict[str, tuple[str, tuple[Any, ...], list[str]]] = {
        "m": ("model_step", (champion,), ["out.y"]),
        "r": ("random_split", ([(1, champion)],), ["out._model_split", "out.y"]),
        "s": ("shadow_deploy", (champion, [rival]), ["out.y", "out_rival.y"]),
    }
    walk = "mmrrssmsrm"
    assert len({*pairwise(walk)}) == 9
    pipeline.add_model_step(champion).deploy()
    for _, after in pairwise(walk):
        name, arguments, columns = kinds[after]
        fetched = client.get_pipeline(pipeline.name())
        assert getattr(fetched, f"replace_with_{name}")(0, *arguments) is fetched
        assert list(fetched.deploy().infer(ONE, dataset=["out"]).columns) == columns
        assert len(client.get_pipeline(pipeline.name()).steps()) == 1


def test_each_kind_of_step_is_removed(pipeline: Pipeline, scale: Scale) -> None:
    champion, rival, post = scale("champ", 2.0), scale("rival", 3.0), scale("post", 5.0)
    left: list[tuple[list[str], float]] = [
        (["out.y", "out_rival.y"], 2.0 * 5.0),
        (["out._model_split", "out.y"], 2.0 * 5.0),
        (["out._model_split", "out.y", "out_rival.y"], 2.0 * 2.0),
    ]
    for index, (columns, value) in enumerate(left):
        pipeline.clear().add_random_split([(1, champion)]).add_shadow_deploy(champion, [rival]).add_model_step(post)
        result = pipeline.remove_step(index).deploy().infer(ONE, dataset=["out"])
        assert list(result.columns) == columns
        assert result["out.y"].tolist() == [[value, 2 * value]]


# --- wiring ---------------------------------------------------------------------------------


def test_a_step_behind_a_shadow_sees_the_champion_and_the_challengers_columns_stay_beside_it(
    pipeline: Pipeline, detect: Callable[[str], ModelVersion], average: ModelVersion
) -> None:
    pipeline.add_shadow_deploy(detect("champ"), [detect("rival"), detect("third")]).add_model_step(average).deploy()
    result = pipeline.infer(pd.DataFrame({"tensor": [[3.0, 0.25]]}))
    outputs = ("boxes", "classes", "confidences")
    assert list(result.columns) == [
        "time",
        "in.tensor",
        "out.avg_conf",
        *(f"out.{name}" for name in outputs),
        "anomaly.count",
        *(f"out_{arm}.{name}" for arm in ("rival", "third") for name in outputs),
    ]
    assert result["out.avg_conf"][0] == [0.25]
    assert result["out_rival.boxes"][0] == result["out.boxes"][0] == [float(number) for number in range(12)]
    assert list(pipeline.logs().columns) == list(result.columns)


def test_steps_are_wired_by_name_by_tensor_fields_and_by_position_and_refused_where_none_fits(
    pipeline: Pipeline, python: Callable[..., ModelVersion], detect: Callable[[str], ModelVersion], scale: Scale
) -> None:
    takes, gives = schema(above="float", below="int"), schema(ratio="double")
    declared: dict[str, Any] = {"input_schema": takes, "output_schema": gives}
    ratio, detector = python("ratio", RATIO, takes, gives), detect("found")
    pipeline.add_model_step(scale("first", 2.0)).add_model_step(detector).add_model_step(ratio)
    versions = pipeline.versions()
    with pytest.raises(ValueError, match=r"^steps: step 2, ratio, cannot follow found: no output 'above', 'below' in"):
        pipeline.deploy()
    assert pipeline.versions() == versions
    ratio.configure("python", tensor_fields=["confidences", "classes"], **declared)
    by_fields = pipeline.deploy().infer(pd.DataFrame({"tensor": [[1.0, 19.5]]}))
    assert by_fields["out.ratio"].tolist() == [[1.0, 1.0]]  # 2 boxes, by position from out.y; 39 / 39
    ratio.configure("python", **declared)
    columns = pd.DataFrame({"below": [[4]], "above": [[2.0]]})
    assert pipeline.clear().add_model_step(ratio).deploy().infer(columns)["out.ratio"].tolist() == [[0.5]]
    with pytest.raises(ValueError, match=r"^tensor: ratio cannot take it: no column 'above', 'below'; came: x"):
        pipeline.infer(pd.DataFrame({"x": [[2.0]]}))


def test_no_detections_at_all_are_empty_lists_in_results_logs_and_pictures(
    pipeline: Pipeline, detect: Callable[[str], ModelVersion], average: ModelVersion
) -> None:
    pipeline.add_shadow_deploy(detect("champ"), [detect("rival")]).add_model_step(average).deploy()
    result = pipeline.infer(pd.DataFrame({"tensor": [[0.0, 0.5]]}))
    for table in (result, pipeline.logs()):
        for name in ("out.boxes", "out.classes", "out.confidences", "out_rival.boxes", "out_rival.classes"):
            assert table[name].tolist() == [[]], name
        assert np.isnan(table["out.avg_conf"][0]).all()
    picture = np.full((48, 64, 3), 90, np.uint8)
    assert draw_result(picture, result, class_names="coco").shape[1] >= 64


# --- columns and tables ---------------------------------------------------------------------


def test_dataset_and_dataset_exclude_choose_groups_and_columns(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_shadow_deploy(scale("champ", 2.0), [scale("rival", 3.0)]).deploy()
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["time", "in.tensor", "out.y", "anomaly.count", "out_rival.y"]),
        ({"dataset": ["out"]}, ["out.y", "out_rival.y"]),
        ({"dataset": ["time", "out.y"]}, ["time", "out.y"]),
        ({"dataset": ["out"], "dataset_exclude": ["out_rival"]}, ["out.y"]),
        ({"dataset_exclude": ["in", "time"]}, ["out.y", "anomaly.count", "out_rival.y"]),
        (
            {"dataset": ["*", "metadata.last_model"]},
            ["time", "in.tensor", "out.y", "anomaly.count", "metadata.last_model", "out_rival.y"],
        ),
        ({"dataset": ["metadata"], "dataset_exclude": ["metadata.elapsed"]}, METADATA),
    ]
    for arguments, columns in asked:
        assert list(pipeline.infer(ONE, **arguments).columns) == columns, arguments
        assert list(pipeline.parallel_infer(ONE, **arguments).columns) == columns, arguments
        assert list(pipeline.logs(limit=1, **arguments).columns) == columns, arguments


METADATA = ["metadata.last_model", "metadata.pipeline_version"]


def test_pandas_in_gives_pandas_out_and_arrow_in_gives_arrow_out(
    pipeline: Pipeline, scale: Scale, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    table = pa.table({"tensor": pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32()))})
    frame = table.to_pandas()
    with pa.ipc.new_file(str(tmp_path / "rows.arrow"), table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "rows.json").write_text('[{"tensor": [1, 2]}, {"tensor": [3, 4]}]')
    frames = [
        pipeline.infer(frame),
        pipeline.parallel_infer(frame, batch_rows=1),
        pipeline.infer_from_file(tmp_path / "rows.json"),
        pipeline.logs(limit=2).iloc[::-1],
    ]
    tables = [
        pipeline.infer(table),
        pipeline.parallel_infer(table, batch_rows=1),
        pipeline.infer_from_file(tmp_path / "rows.arrow"),
        pipeline.logs(limit=2, arrow=True).take([1, 0]),
    ]
    for got in frames:
        assert isinstance(got, pd.DataFrame)
        assert got["out.y"].tolist() == [[2.0, 4.0], [6.0, 8.0]]
        assert type(got["out.y"].iloc[0]) is list
    for got_table in tables:
        assert isinstance(got_table, pa.Table)
        assert got_table.schema.field("out.y").type == pa.list_(pa.float32())
        assert got_table.column("out.y").to_pylist() == [[2.0, 4.0], [6.0, 8.0]]
