"""The columns of a result: order, groups, shapes, printed numbers. Nothing runs."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy, Step, WeightedModel
from schemas.results import Answer
from schemas.tables.read import encode_rows, encode_table, read_arrow
from schemas.tasks import SplitChoice
from sparring.frames.inputs import Image, frame_of, narrowed, read_image, read_request
from sparring.results.dataframe import cells, challenger_names, checked_dataset, in_order, result, selected

LIST_OF_DOUBLES = pa.list_(pa.float64())


def pinned(name: str, version: str = "1", dtype: str = "float32", fields: tuple[str, ...] | None = None) -> PinnedModel:
    model = ModelVersion(
        workspace="default",
        name=name,
        version=version,
        sha256=f"sha-{name}",
        framework="onnx",
        file_name=f"{name}.onnx",
        size_bytes=1,
        created_at=0,
        inputs=(TensorSpec("tensor", dtype, (None, 2)),),
        outputs=(TensorSpec("variable", dtype, (None, 1)),),
    )
    return PinnedModel(model, Configuration(runtime="onnx", tensor_fields=fields))


def version_of(*steps: Step) -> PipelineVersion:
    return PipelineVersion("default", "pipe", "v", steps, 0)


def answer(outputs: dict[str, list[np.ndarray]], split: tuple[SplitChoice, ...] = ()) -> Answer:
    return Answer(
        key=b"",
        value=encode_rows(outputs),
        request_id="r",
        status="ok",
        pipeline="default/pipe",
        frame="frames/0/0",
        frame_digest="",
        published_at=1_692_023_653_123,
        pipeline_version="v",
        role="champion",
        model="champion",
        model_version="1",
        model_sha256="sha",
        split=split,
    )


def test_columns_come_as_time_in_out_and_everything_else_by_the_rest_of_their_names() -> None:
    names = [
        "out_ccfraud-xgb.variable",
        "anomaly.count",
        "out.dense_1",
        "in.tensor",
        "out_ccfraud-rf.variable",
        "out._model_split",
        "time",
        "in.dense",
    ]
    assert in_order(names) == [
        "time",
        "in.dense",
        "in.tensor",
        "out._model_split",
        "out.dense_1",
        "anomaly.count",
        "out_ccfraud-rf.variable",
        "out_ccfraud-xgb.variable",
    ]


def test_groups_and_single_columns_are_chosen_and_left_out() -> None:
    names = ["time", "in.a", "out.a", "out.b", "metadata.elapsed", "out_rival.a"]
    assert selected(names, None, None) == ["time", "in.a", "out.a", "out.b", "out_rival.a"]
    assert selected(names, ["time", "out.b"], None) == ["time", "out.b"]
    assert selected(names, ["out"], None) == ["out.a", "out.b", "out_rival.a"]
    assert selected(names, ["*", "metadata"], ["in"]) == [
        "time",
        "out.a",
        "out.b",
        "metadata.elapsed",
        "out_rival.a",
    ]
    assert selected(names, None, ["out_rival"]) == ["time", "in.a", "out.a", "out.b"]


def test_a_column_that_is_named_itself_stays_where_its_group_is_left_out() -> None:
    names = ["time", "out.a", "anomaly.count", "anomaly.high"]
    assert selected(names, ["time", "out", "anomaly.count"], ["anomaly"]) == ["time", "out.a", "anomaly.count"]
    assert selected(names, ["anomaly", "anomaly.count"], ["anomaly.count"]) == ["anomaly.high"]


def answered(request: pa.Table, official: Answer) -> pa.Table:
    table = result(request, official, {}, None, None)
    assert isinstance(table, pa.Table)
    return table


def test_anomalies_are_booleans_and_numbers_that_pandas_can_select_by() -> None:
    ruled = pa.table({"y": [[1.0], [2.0]], "anomaly.count": [0, 1], "anomaly.high": [False, True]})
    frame = pd.DataFrame({"tensor": [[1.0], [2.0]]})
    got = result(frame, replace(answer({}), value=encode_table(ruled)), {}, None, None)
    assert isinstance(got, pd.DataFrame)
    assert got[~got["anomaly.high"]]["out.y"].tolist() == [[1.0]]
    assert got["anomaly.count"].sum() == 1
    unsure = ruled.set_column(2, "anomaly.high", pa.array([None, True]))
    got = result(frame, replace(answer({}), value=encode_table(unsure)), {}, None, None)
    assert isinstance(got, pd.DataFrame)
    assert got["anomaly.high"].tolist() == [None, True]


def test_anomalies_are_counted_also_where_there_are_no_validations() -> None:
    request = pa.table({"tensor": pa.array([[1.0], [2.0]])})
    values = [np.array([0.5], np.float32)] * 2
    without = answered(request, answer({"variable": values}))
    assert without["anomaly.count"].to_pylist() == [0, 0]
    ruled = pa.table({"variable": [[0.5], [0.5]], "anomaly.count": [0, 1], "anomaly.high": [False, True]})
    counted = answered(request, replace(answer({}), value=encode_table(ruled))).select(
        ["anomaly.count", "anomaly.high"]
    )
    assert counted.to_pydict() == {"anomaly.count": [0, 1], "anomaly.high": [False, True]}
    assert counted.schema.field("anomaly.count") == without.schema.field("anomaly.count")


@pytest.mark.parametrize("wrong", ["out", 3, ["out", 3]])
def test_a_dataset_that_is_no_list_of_names_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"dataset: .* expected"):
        checked_dataset("dataset", wrong)


def test_floats_print_as_the_shortest_decimal_that_gives_the_float32_back() -> None:
    values = np.array([0.98649, 1.0, 2176827.0, 1e-7, np.inf], np.float32)
    column = read_arrow(encode_rows({"x": [values, values[:1]]}))["x"]
    assert cells(column) == [[0.98649, 1.0, 2176827.0, 1e-07, float("inf")], [0.98649]]
    assert all(type(number) is float for number in cells(column)[0])


def test_cells_of_integers_of_text_and_of_nothing_are_flat_lists() -> None:
    table = read_arrow(
        encode_rows(
            {
                "classes": [np.array([[39, 44]], np.int64)],
                "label": [np.array(["milk"], object)],
                "boxes": [np.array([], np.float32)],
            }
        )
    )
    assert [cells(table[name]) for name in ("classes", "label", "boxes")] == [[[39, 44]], [["milk"]], [[]]]


def test_a_dataframe_gives_a_dataframe_with_the_cells_of_its_caller() -> None:
    cell = [0.1, 2]
    frame = pd.DataFrame({"tensor": [cell], "camera": ["7"]}, index=[5])
    got = result(frame, answer({"variable": [np.array([0.5], np.float32)]}), {}, None, None)
    assert isinstance(got, pd.DataFrame)
    assert list(got.columns) == ["time", "in.camera", "in.tensor", "out.variable", "anomaly.count"]
    assert got["in.tensor"].to_list()[0] is cell
    assert got["out.variable"].to_list() == [[0.5]]
    assert str(got["time"].dtype) == "datetime64[ms]"
    assert str(got["time"].to_list()[0]) == "2023-08-14 14:34:13.123000"


def test_a_table_gives_a_table_with_the_dtypes_of_the_model() -> None:
    table = pa.table({"tensor": pa.array([[0.1, 2.0]], LIST_OF_DOUBLES)})
    got = result(table, answer({"variable": [np.array([0.5], np.float32)]}), {}, None, None)
    assert isinstance(got, pa.Table)
    assert got.schema.types == [pa.timestamp("ms"), LIST_OF_DOUBLES, pa.list_(pa.float32()), pa.int64()]


def test_the_chosen_model_stands_in_every_row_where_a_split_was_on_the_path() -> None:
    choice = SplitChoice(0, None, None, (("a", 2), ("b", 1)), "b", "uuid", "sha-b")
    outputs = {"variable": [np.array([0.5], np.float32)] * 2}
    got = result(pd.DataFrame({"tensor": [[1], [2]]}), answer(outputs, (choice,)), {}, None, None)
    assert list(got["out._model_split"]) == [['{"name":"b","version":"uuid","sha":"sha-b"}']] * 2


def test_a_challengers_columns_carry_its_name() -> None:
    one = answer({"variable": [np.array([1.0], np.float32)]})
    got = result(pd.DataFrame({"tensor": [[1]]}), one, {"rival": one}, None, None)
    assert list(got.columns) == ["time", "in.tensor", "out.variable", "anomaly.count", "out_rival.variable"]


def test_an_image_has_no_input_columns() -> None:
    got = result(Image(b"", "image/png"), answer({"variable": [np.array([1.0])]}), {}, None, None)
    assert list(got.columns) == ["time", "out.variable", "anomaly.count"]


def test_metadata_comes_only_when_asked_for() -> None:
    frame = pd.DataFrame({"tensor": [[1]]})
    got = result(frame, answer({"variable": [np.array([1.0])]}), {}, ["metadata"], None)
    assert list(got.columns) == ["metadata.elapsed", "metadata.last_model", "metadata.pipeline_version"]
    assert list(got["metadata.last_model"]) == ['{"model_name":"champion","model_sha":"sha"}']


def test_two_versions_of_one_challenger_have_columns_of_their_own() -> None:
    shadow = ShadowDeploy(pinned("a"), (pinned("b", "1"), pinned("b", "2"), pinned("c")))
    assert list(challenger_names(version_of(shadow)).values()) == ["b@1", "b@2", "c"]


def test_double_columns_travel_as_float32_where_the_models_take_float32() -> None:
    values = [0.1, 1e-40, 16777217.0, np.inf]
    table = pa.table({"tensor": pa.array([values], LIST_OF_DOUBLES), "note": pa.array([0.1])})
    sent = narrowed(table, version_of(ModelStep(pinned("a"))))
    assert sent.schema.types == [pa.list_(pa.float32()), pa.float64()]
    expected = np.array(values).astype(np.float32)
    assert np.array(sent["tensor"].to_pylist()[0], np.float32).tobytes() == expected.tobytes()


def test_a_double_column_with_a_number_beyond_float32_travels_unchanged() -> None:
    table = pa.table({"tensor": pa.array([[0.1, 1e300], [np.inf, 0.1]], LIST_OF_DOUBLES)})
    assert narrowed(table, version_of(ModelStep(pinned("a")))) == table


def test_a_hash_key_and_a_column_that_another_model_takes_as_double_travel_unchanged() -> None:
    table = pa.table({"tensor": pa.array([0.1]), "place": pa.array([0.1])})
    arms = (WeightedModel(1, pinned("a")), WeightedModel(1, pinned("b", dtype="float64")))
    assert narrowed(table, version_of(RandomSplit(arms))).schema == table.schema
    keyed = RandomSplit((WeightedModel(1, pinned("a", fields=("place",))),), "place")
    assert narrowed(table, version_of(keyed)).schema == table.schema


def test_a_missing_column_is_named_before_anything_is_sent() -> None:
    table = pa.table({"image": pa.array([0.1])})
    with pytest.raises(ValueError, match=r"tensor: a cannot take it: no column 'tensor'.*came: image"):
        narrowed(table, version_of(ModelStep(pinned("a"))))


def test_a_challenger_or_an_arm_of_weight_0_that_cannot_take_the_request_does_not_refuse_it() -> None:
    table = pa.table({"tensor": pa.array([0.1])})
    rival = pinned("rival", fields=("other",))
    narrowed(table, version_of(ShadowDeploy(pinned("a"), (rival,))))
    narrowed(table, version_of(RandomSplit((WeightedModel(1, pinned("a")), WeightedModel(0, rival)))))


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ([1.0, 2.0], LIST_OF_DOUBLES),
        (np.array([1, 2], np.int64), pa.list_(pa.int64())),
        (np.ones((3, 2, 2)), pa.list_(pa.list_(LIST_OF_DOUBLES))),
        ([[1.0], [2.0]], pa.list_(LIST_OF_DOUBLES)),
        (3, pa.int64()),
        ("camera 7", pa.string()),
        (np.float32(1.5), pa.float32()),
    ],
)
def test_cells_of_a_dataframe_travel_in_their_shape(cell: object, kind: pa.DataType) -> None:
    value, content_type = frame_of(pd.DataFrame({"x": pd.Series([cell, cell], dtype=object)}), version_of())
    assert content_type == "application/vnd.apache.arrow.stream"
    table = read_arrow(value)
    assert table.schema.field("x").type == kind
    expected = cell.tolist() if isinstance(cell, np.ndarray | np.generic) else cell
    assert table["x"].to_pylist() == [expected, expected]


def test_a_plain_column_keeps_its_dtype() -> None:
    frame = pd.DataFrame({"x": np.array([1.5, 2.5], np.float32), "who": ["a", "b"]})
    assert read_arrow(frame_of(frame, version_of())[0]).to_pydict() == {"x": [1.5, 2.5], "who": ["a", "b"]}


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (pd.DataFrame({"x": []}), ValueError, "tensor: it has no rows"),
        (pd.DataFrame({0: [1]}), TypeError, "tensor: the column 0 is no text"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), ValueError, "stands twice"),
        (pd.DataFrame({"x": [[1.0], "a"]}), TypeError, "tensor: column 'x'"),
        (pd.DataFrame({"x": [object()]}), TypeError, "tensor: column 'x'"),
    ],
)
def test_an_input_that_cannot_travel_is_refused_by_name(
    frame: pd.DataFrame, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        frame_of(frame, version_of())


def test_an_image_is_sent_as_its_own_bytes_and_an_array_as_a_png() -> None:
    jpeg = b"\xff\xd8\xff\xe0 the rest"
    assert read_image(jpeg) == Image(jpeg, "image/jpeg")
    red = np.zeros((2, 3, 3), np.uint8)
    red[..., 0] = 255
    png = read_image(red)
    assert png.content_type == "image/png"
    decoded = cv2.imdecode(np.frombuffer(png.value, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    assert decoded[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (3, TypeError),
        (b"", ValueError),
        (b"GIF89a", ValueError),
        (b'[{"x": 1}]', ValueError),
        ("no such file.png", FileNotFoundError),
        (np.zeros((2, 2, 3), np.float32), ValueError),
        (np.zeros((2, 2, 2), np.uint8), ValueError),
        (np.zeros((0, 2), np.uint8), ValueError),
    ],
)
def test_what_is_no_image_is_refused(image: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="image: "):
        read_image(image)


def test_a_file_of_records_or_of_arrow_is_a_request(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("requests")
    (folder / "x.json").write_text('[{"tensor": [1.0, 2.0]}, {"tensor": [3.0, 4.0]}]')
    assert list(read_request(folder / "x.json")["tensor"]) == [[1.0, 2.0], [3.0, 4.0]]
    table = pa.table({"tensor": pa.array([[1.0]])})
    with pa.OSFile(str(folder / "x.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert read_request(folder / "x.arrow") == table
    (folder / "x.csv").write_text("tensor")
    (folder / "bad.json").write_text("{")
    for name in ("x.csv", "bad.json"):
        with pytest.raises(ValueError, match="path: "):
            read_request(folder / name)


def test_a_file_of_records_is_read_as_a_frame_of_them_is(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf[{"x": 1.0, "label": "a"}, {"x": null, "label": "b"}]')
    read = read_request(path)
    assert isinstance(read, pd.DataFrame)
    assert read["x"].tolist() == [1.0, None]
    assert read_arrow(frame_of(read, version_of())[0])["x"].null_count == 1
    path.write_text('[{"x": 1.0}, {"y": 1.0}]')
    with pytest.raises(
        ValueError, match=r"path: .* record 1 has the fields \['y'\]; expected those of record 0: \['x'\]"
    ):
        read_request(path)
    path.write_text('{"x": 1.0}')
    with pytest.raises(ValueError, match=r"path: .*one object came; expected a list of records"):
        read_request(path)


@pytest.mark.parametrize("large", [2**53 + 1, -(2**53) - 1])
def test_a_whole_number_of_a_json_file_is_not_rounded_beside_fractions(tmp_path: Path, large: int) -> None:
    (path := tmp_path / "x.json").write_text(f'[{{"tensor": {large}}}, {{"tensor": 0.5}}]')
    assert list(read_request(path)["tensor"]) == [large, 0.5]
    path.write_text('[{"tensor": 3}, {"tensor": 0.5}]')
    frame = read_request(path)
    assert isinstance(frame, pd.DataFrame)
    assert frame["tensor"].dtype == np.float64
