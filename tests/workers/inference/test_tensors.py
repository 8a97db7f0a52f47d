"""A request's columns become the model's arrays, or are refused with field, what came, what is expected."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import Refused
from schemas.models import Configuration, PinnedModel, TensorSpec
from schemas.tables import encode_table, read_records
from tests.nouns import frame, pinned
from workers.inference.tensors import request_inputs, table_inputs

TENSOR = TensorSpec("tensor", "float32", (None, 2))
PICTURE = TensorSpec("tensor", "float32", (1, 3, 480, 640))


def model(*inputs: TensorSpec, **configuration: object) -> PinnedModel:
    given = Configuration("onnx", inputs=inputs, **configuration)  # type: ignore[arg-type]  # test's own words
    return PinnedModel(pinned("m").model, given)


def test_rows_stack_on_the_batch_axis() -> None:
    inputs = table_inputs(read_records(b'[{"tensor": [1, 2.5]}, {"tensor": [3, 4]}]'), model(TENSOR))
    (run,) = inputs.runs
    assert inputs.rows == 2
    assert (run["tensor"].dtype, run["tensor"].tolist()) == (np.float32, [[1, 2.5], [3, 4]])


def test_float32_lists_are_taken_as_they_lie() -> None:
    values = np.arange(6, dtype=np.float32)
    offsets = pa.array([0, 2, 4, 6], pa.int32())
    table = pa.table({"tensor": pa.ListArray.from_arrays(offsets, pa.array(values))})
    (run,) = table_inputs(table, model(TENSOR)).runs
    assert run["tensor"].tobytes() == values.tobytes()


def test_a_slice_of_a_longer_table_gives_its_own_rows() -> None:
    table = pa.table({"tensor": pa.array([[1.0, 2], [3, 4], [5, 6]])}).slice(1, 2)
    (run,) = table_inputs(table, model(TENSOR)).runs
    assert run["tensor"].tolist() == [[3, 4], [5, 6]]


def test_single_makes_each_row_a_whole_input_of_its_own() -> None:
    spec = TensorSpec("tensor", "float32", (1, 2, 2))
    inputs = table_inputs(
        read_records(b'[{"tensor": [1,2,3,4]}, {"tensor": [[5,6],[7,8]]}]'.replace(b"[[5,6],[7,8]]", b"[5,6,7,8]")),
        model(spec, batch_config="single"),
    )
    assert inputs.rows == 1
    assert [run["tensor"].shape for run in inputs.runs] == [(1, 2, 2)] * 2


def test_single_rows_may_differ_in_length_where_one_dimension_is_free() -> None:
    table = pa.table({"c": pa.array([[1.0], [2.0, 3.0], []], pa.list_(pa.float32()))})
    runs = table_inputs(table, model(TensorSpec("c", "float32", (None,)), batch_config="single")).runs
    assert [run["c"].tolist() for run in runs] == [[1], [2, 3], []]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[[1.0, 2.0], [3.0, 4.0]]]),
        pa.array([[1, 2, 3, 4]], pa.large_list(pa.int64())),
        pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0, 3.0, 4.0]), 4),
        pa.FixedShapeTensorArray.from_numpy_ndarray(np.array([[[1.0, 2.0], [3.0, 4.0]]])),
    ],
    ids=["nested lists", "large list of ints", "fixed size list", "fixed shape tensor"],
)
def test_nested_large_and_fixed_lists_are_lists_too(column: Any) -> None:
    (run,) = table_inputs(pa.table({"x": column}), model(TensorSpec("x", "float32", (None, 2, 2)))).runs
    assert run["x"].tolist() == [[[1, 2], [3, 4]]]


def test_fields_feed_inputs_by_position_and_other_columns_are_left() -> None:
    specs = (TensorSpec("a", "float32", (None,)), TensorSpec("b", "int64", (None,)))
    table = read_records(b'[{"second": 2, "first": 1.5, "session_id": "x"}]')
    (run,) = table_inputs(table, model(*specs, tensor_fields=("first", "second"))).runs
    assert (run["a"].tolist(), run["b"].tolist()) == ([1.5], [2])


def test_one_input_takes_the_column_tensor_whatever_its_name() -> None:
    (run,) = table_inputs(
        read_records(b'[{"tensor": [1, 2]}]'), model(TensorSpec("float_input", "float32", (None, 2)))
    ).runs
    assert list(run) == ["float_input"]


def test_text_feeds_a_text_input() -> None:
    (run,) = table_inputs(
        read_records(b'[{"words": ["a", "b"]}]'), model(TensorSpec("words", "string", (None, 2)))
    ).runs
    assert run["words"].tolist() == [["a", "b"]]


@pytest.mark.parametrize(
    ("records", "spec", "error", "message"),
    [
        (b'[{"x": [1, 2]}]', TENSOR, "MissingField", "no column 'tensor'.*came: x"),
        (b'[{"tensor": [1, 2, 3]}]', TENSOR, "WrongShape", r"'tensor': \[1, 3\] came; expected \['\?', 2\]"),
        (b'[{"tensor": [1]}, {"tensor": [1, 2]}]', TENSOR, "WrongShape", "different lengths"),
        (b'[{"tensor": ["a", "b"]}]', TENSOR, "WrongDtype", "string came; expected float32"),
        (b'[{"tensor": [1, null]}]', TENSOR, "WrongDtype", "nulls"),
        (b'[{"tensor": null}]', TENSOR, "WrongDtype", "nulls|null"),
        (b'[{"tensor": {"a": 1}}]', TENSOR, "BadJson", "an object in a cell; expected numbers, booleans, text"),
        (b'[{"w": ["a"]}]', TensorSpec("w", "string", (None, 2)), "WrongShape", "1 values a row came"),
        (b'[{"n": 1.5}]', TensorSpec("n", "int64", (None,)), "WrongDtype", "float64 came; expected int64"),
        (b'[{"n": 300}]', TensorSpec("n", "uint8", (None,)), "WrongDtype", "does not fit into uint8"),
        (b'[{"tensor": [1]}, {"tensor": [2]}]', PICTURE, "WrongShape", "fixed at 1, 2 rows came"),
        (
            b'[{"w": [1, 2]}]',
            TensorSpec("w", "string", (None, 2)),
            "WrongDtype",
            "int64 came; expected string",
        ),
        (
            b'[{"x": [1, 2, 3, 4]}]',
            TensorSpec("x", "float32", (None, None, None)),
            "WrongShape",
            "send nested lists",
        ),
    ],
)
def test_what_does_not_fit_is_refused(records: bytes, spec: TensorSpec, error: str, message: str) -> None:
    with pytest.raises(Refused, match=message) as refused:
        table_inputs(read_records(records), model(spec))
    assert refused.value.error == error


@pytest.mark.parametrize(("begin", "rows"), [(0, 21), (3, 9), (8, 1), (13, 8)])
def test_booleans_are_taken_out_of_their_bits(begin: int, rows: int) -> None:
    rng = np.random.default_rng(1)
    bits = rng.random((21, 3)) < 0.5
    column = pa.array(bits.tolist(), pa.list_(pa.bool_(), 3)).slice(begin, rows)
    (run,) = table_inputs(pa.table({"x": column}), model(TensorSpec("x", "bool", (None, 3)))).runs
    assert run["x"].dtype == bool
    assert run["x"].tolist() == bits[begin : begin + rows].tolist()


def test_many_batches_are_as_one() -> None:
    table = pa.concat_tables([pa.table({"x": [[1.0, 2.0]], "left": [None]})] * 50)
    single = table_inputs(table, model(TensorSpec("x", "float32", (2,)), batch_config="single")).runs
    assert [run["x"].tolist() for run in single] == [[1, 2]] * 50


def test_the_number_of_tensor_fields_must_be_that_of_the_inputs() -> None:
    with pytest.raises(Refused, match="tensor_fields has 2 names"):
        table_inputs(read_records(b'[{"tensor": [1, 2]}]'), model(TENSOR, tensor_fields=("a", "b")))


def test_an_image_for_a_model_without_a_picture_input_is_refused() -> None:
    with pytest.raises(Refused, match="an image came, but model m takes tensor"):
        request_inputs(frame("r", b"\xff\xd8\xff"), model(TENSOR))


def test_the_tutorials_own_flat_arrow_file_is_accepted(shared: Path) -> None:
    value = (shared / "cases/image_preprocess/dairy_bottles_test_table.arrow").read_bytes()
    (run,) = request_inputs(frame("r", value), model(PICTURE, batch_config="single")).runs
    assert run["tensor"].shape == (1, 3, 480, 640)
    assert float(run["tensor"].mean(dtype=np.float64)) == pytest.approx(0.425382, abs=1e-6)


def test_a_stream_of_arrow_ipc_is_read() -> None:
    value = encode_table(pa.table({"tensor": [[1.0, 2.0]]}))
    (run,) = request_inputs(frame("r", value), model(TENSOR)).runs
    assert run["tensor"].tolist() == [[1, 2]]
