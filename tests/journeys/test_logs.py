"""The log of a pipeline, as the tutorial reads it."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from sparring import ModelVersion, Pipeline
from tests.journeys.wire import Wire

Scale = Callable[[str, float], ModelVersion]


def ask(pipeline: Pipeline, *numbers: float) -> pd.DataFrame:
    return pipeline.infer(pd.DataFrame({"tensor": [[number, 0.5] for number in numbers]}))


def test_what_infer_returned_is_in_the_log_at_once_newest_first(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    results = [ask(pipeline, 1.0, 2.0), ask(pipeline, 3.0)]
    logs = pipeline.logs()
    assert list(logs.columns) == ["time", "in.tensor", "out.y", "anomaly.count"]
    assert logs["out.y"].tolist() == [[6.0, 1.0], [4.0, 1.0], [2.0, 1.0]]
    assert logs["in.tensor"].tolist() == [[3.0, 0.5], [2.0, 0.5], [1.0, 0.5]]
    assert logs["time"][0] == results[1]["time"][0]
    assert pipeline.logs(limit=2)["out.y"].tolist() == [[6.0, 1.0], [4.0, 1.0]]


def test_a_split_and_a_shadow_leave_their_columns_in_one_log(pipeline: Pipeline, scale: Scale) -> None:
    champion, rival = scale("champ", 2.0), scale("rival", 3.0)
    pipeline.add_random_split([(1, champion), (1, rival)]).deploy()
    split = ask(pipeline, 1.0)
    pipeline.replace_with_shadow_deploy(0, champion, [rival]).deploy()
    ask(pipeline, 1.0)
    logs = pipeline.logs()
    assert list(logs.columns) == ["time", "in.tensor", "out._model_split", "out.y", "anomaly.count", "out_rival.y"]
    assert logs["out_rival.y"].tolist() == [[3.0, 1.5], None]
    assert logs["out._model_split"].tolist() == [None, split["out._model_split"][0]]
    first, last = split["time"][0].to_pydatetime(), logs["time"][0].to_pydatetime()
    pd.testing.assert_frame_equal(
        pipeline.logs(start_datetime=first, end_datetime=last), logs[::-1].reset_index(drop=True)
    )


def test_columns_are_chosen_as_in_infer_and_metadata_only_when_asked_for(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    ask(pipeline, 1.0)
    assert list(pipeline.logs(dataset=["time", "out"]).columns) == ["time", "out.y"]
    assert list(pipeline.logs(dataset_exclude=["in"]).columns) == ["time", "out.y", "anomaly.count"]
    assert pipeline.logs(dataset=["metadata"])["metadata.pipeline_version"].tolist() == [pipeline.versions()[0]]


def test_two_dates_give_what_was_answered_between_them_oldest_first(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    ask(pipeline, 1.0)
    second = ask(pipeline, 2.0)["time"][0].to_pydatetime()
    third = ask(pipeline, 3.0)["time"][0].to_pydatetime()
    between = pipeline.logs(start_datetime=second, end_datetime=third.replace(tzinfo=UTC))
    assert between["out.y"].tolist() == [[4.0, 1.0], [6.0, 1.0]]
    with pytest.warns(UserWarning, match="more than 1 rows"):
        assert len(pipeline.logs(1, second, third)) == 1
    assert pipeline.logs(start_datetime=third + timedelta(hours=1), end_datetime=third + timedelta(hours=2)).empty


def test_arrow_is_a_table_with_the_models_own_types(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    ask(pipeline, 1.0)
    table = pipeline.logs(arrow=True)
    assert isinstance(table, pa.Table)
    assert table.schema.field("out.y").type == pa.list_(pa.float32())


def test_a_large_row_is_null_with_a_warning_unless_dataset_names_it(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    pipeline.infer(pd.DataFrame({"tensor": [[1.0, 2.0]], "note": ["x" * 70_000]}))
    with pytest.warns(UserWarning, match=r"in\.\* is null for 1 requests: above 65536 bytes"):
        assert pipeline.logs()["in.tensor"].tolist() == [None]
    assert pipeline.logs(dataset=["in.tensor"])["in.tensor"].tolist() == [[1.0, 2.0]]


def test_an_error_is_no_row(pipeline: Pipeline, wire: Wire, scale: Scale) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    wire.answer(wire.send(pipeline.name(), b'[{"wrong": [1, 2]}]'))
    ask(pipeline, 1.0)
    assert len(pipeline.logs()) == 1


def test_an_empty_log_is_an_empty_table(pipeline: Pipeline) -> None:
    assert pipeline.logs().empty


def test_export_writes_files_oldest_first_and_no_larger_than_asked(
    pipeline: Pipeline, scale: Scale, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    results = [ask(pipeline, number) for number in (0.0, 1.0, 2.0, 1e-20, math.nan)]
    (path,) = pipeline.export_logs(tmp_path / "logs")
    assert path == tmp_path / "logs" / f"{pipeline.name()}-1.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["out.y"][0] for line in lines] == [0.0, 2.0, 4.0, 2e-20, None]
    assert list(lines[0]) == ["time", "in.tensor", "out.y", "anomaly.count"]
    when = datetime.fromisoformat(lines[0]["time"])
    assert when.tzinfo == UTC
    assert when.replace(tzinfo=None) == results[0]["time"][0].to_pydatetime()

    parts = pipeline.export_logs(tmp_path, "part", data_size_limit=1, limit=3, arrow=True, dataset=["out"])
    assert [part.name for part in parts] == ["part-1.arrow", "part-2.arrow", "part-3.arrow"]
    with pa.ipc.open_file(str(parts[2])) as reader:
        assert reader.read_all().to_pydict() == {"out.y": [[4.0, 1.0]]}


def test_an_export_of_more_requests_than_are_read_at_once_is_one_file_until_it_is_full(
    pipeline: Pipeline, wire: Wire, scale: Scale, tmp_path: Path
) -> None:
    pipeline.add_model_step(scale("logged", 2.0)).deploy()
    wire.answers([wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]') for _ in range(450)], within_s=30)
    (path,) = pipeline.export_logs(tmp_path, "all", arrow=True)
    with pa.ipc.open_file(str(path)) as reader:
        whole = reader.read_all()
    assert whole.num_rows == 450
    parts = pipeline.export_logs(tmp_path, "part", data_size_limit=whole.nbytes // 3)
    assert len(parts) in {3, 4, 5}
    assert sum(len(part.read_text().splitlines()) for part in parts) == 450


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"limit": 0}, ValueError, "limit: 0; expected at least 1"),
        ({"limit": "all"}, TypeError, "limit: 'all'; expected a whole number"),
        ({"start_datetime": datetime(2026, 1, 1, tzinfo=UTC)}, ValueError, "start_datetime came alone"),
        ({"start_datetime": "now", "end_datetime": "then"}, TypeError, "start_datetime: 'now'; expected a datetime"),
        ({"dataset": "out"}, TypeError, "dataset: 'out'"),
    ],
)
def test_a_wrong_argument_is_named(
    pipeline: Pipeline, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        pipeline.logs(**arguments)  # type: ignore[call-overload]  # wrong on purpose
