"""A request's columns become the model's arrays, or are refused with field, what came, what is expected."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import Refused
from schemas.models import Configuration, PinnedModel, TensorSpec
from schemas.tables.fitting import Arrays, fit_table, runs
from schemas.tables.read import read_records
from tests.nouns import pinned

TENSOR = TensorSpec("tensor", "float32", (None, 2))
PICTURE = TensorSpec("tensor", "float32", (1, 3, 480, 640))


def model(*inputs: TensorSpec, **configuration: object) -> PinnedModel:
    given = Configuration("onnx", inputs=inputs, **configuration)  # type: ignore[arg-type]  # test's own words
    return PinnedModel(pinned("m").model, given)


def table_runs(table: pa.Table, model: PinnedModel, *, together: bool = True) -> tuple[Arrays, ...]:
    together = together and table.num_rows > 1 and model.configuration.batch_config is None
    return runs(fit_table(table, model), model, together=together)


def test_rows_stack_on_the_batch_axis() -> None:
    (run,) = table_runs(read_records(b'[{"tensor": [1, 2.5]}, {"tensor": [3, 4]}]'), model(TENSOR))
    assert (run["tensor"].dtype, run["tensor"].tolist()) == (np.float32, [[1, 2.5], [3, 4]])


def test_float32_lists_are_taken_as_they_lie() -> None:
    values = np.arange(6, dtype=np.float32)
    offsets = pa.array([0, 2, 4, 6], pa.int32())
    table = pa.table({"tensor": pa.ListArray.from_arrays(offsets, pa.array(values))})
    (run,) = table_runs(table, model(TENSOR))
    assert run["tensor"].tobytes() == values.tobytes()


def test_a_slice_of_a_longer_table_gives_its_own_rows() -> None:
    table = pa.table({"tensor": pa.array([[1.0, 2], [3, 4], [5, 6]])}).slice(1, 2)
    (run,) = table_runs(table, model(TENSOR))
    assert run["tensor"].tolist() == [[3, 4], [5, 6]]


def test_single_makes_each_row_a_whole_input_of_its_own() -> None:
    spec = TensorSpec("tensor", "float32", (1, 2, 2))
    inputs = table_runs(
        read_records(b'[{"tensor": [1,2,3,4]}, {"tensor": [[5,6],[7,8]]}]'.replace(b"[[5,6],[7,8]]", b"[5,6,7,8]")),
        model(spec, batch_config="single"),
    )
    assert [run["tensor"].shape for run in inputs] == [(1, 2, 2)] * 2


def test_single_rows_may_differ_in_length_where_one_dimension_is_free() -> None:
    table = pa.table({"c": pa.array([[1.0], [2.0, 3.0], []], pa.list_(pa.float32()))})
    runs = table_runs(table, model(TensorSpec("c", "float32", (None,)), batch_config="single"))
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
    (run,) = table_runs(pa.table({"x": column}), model(TensorSpec("x", "float32", (None, 2, 2))))
    assert run["x"].tolist() == [[[1, 2], [3, 4]]]


def test_fields_feed_inputs_by_position_and_other_columns_are_left() -> None:
    specs = (TensorSpec("a", "float32", (None,)), TensorSpec("b", "int64", (None,)))
    table = read_records(b'[{"second": 2, "first": 1.5, "session_id": "x"}]')
    (run,) = table_runs(table, model(*specs, tensor_fields=("first", "second")))
    assert (run["a"].tolist(), run["b"].tolist()) == ([1.5], [2])


def test_one_input_takes_the_column_tensor_whatever_its_name() -> None:
    (run,) = table_runs(read_records(b'[{"tensor": [1, 2]}]'), model(TensorSpec("float_input", "float32", (None, 2))))
    assert list(run) == ["float_input"]


def test_text_feeds_a_text_input() -> None:
    (run,) = table_runs(read_records(b'[{"words": ["a", "b"]}]'), model(TensorSpec("words", "string", (None, 2))))
    assert run["words"].tolist() == [["a", "b"]]


@pytest.mark.parametrize(
    ("records", "spec", "error", "message"),
    [
        (b'[{"x": [1, 2]}]', TENSOR, "MissingField", "no column 'tensor'.*came: x"),
        (
            b'[{"tensor": [1, 2, 3]}]',
            TENSOR,
            "WrongShape",
            r"'tensor': a cell of \[3\] came; expected \[2\], a row of the model's \[\?, 2\]",
        ),
        (b'[{"tensor": [1]}, {"tensor": [1, 2]}]', TENSOR, "WrongShape", r"a cell of \[1\] came; expected \[2\]"),
        (b'[{"tensor": [[1], [1, 2]]}]', TENSOR, "WrongShape", "lists of different lengths"),
        (
            b'[{"tensor": [1, 2]}, {"tensor": [[1], [1, 2]]}]'.replace(b"[1, 2]}, ", b"[[1, 2]]}, "),
            TENSOR,
            "WrongShape",
            "lists of different lengths in row 1",
        ),
        (b'[{"tensor": ["a", "b"]}]', TENSOR, "WrongDtype", "string came; expected float32"),
        (b'[{"tensor": [1, null]}]', TENSOR, "WrongDtype", "nulls"),
        (b'[{"tensor": null}]', TENSOR, "WrongDtype", "nulls|null"),
        (b'[{"tensor": {"a": 1}}]', TENSOR, "BadJson", "an object in a cell; expected numbers, booleans, text"),
        (
            b'[{"w": ["a"]}]',
            TensorSpec("w", "string", (None, 2)),
            "WrongShape",
            r"a cell of \[1\] came; expected \[2\]",
        ),
        (b'[{"n": 1.5}]', TensorSpec("n", "int64", (None,)), "WrongDtype", "float64 came; expected int64"),
        (b'[{"n": 300}]', TensorSpec("n", "uint8", (None,)), "WrongDtype", "does not fit into uint8"),
        (b'[{"n": 70000}]', TensorSpec("n", "float16", (None,)), "WrongDtype", "does not fit into float16: 70000 came"),
        (
            b'[{"tensor": [1]}, {"tensor": [2]}]',
            PICTURE,
            "WrongShape",
            r"first dimension of 1, 2 rows came; expected one row, or configure\(batch_config='single'\)",
        ),
        (
            b'[{"tensor": [1]}]',
            PICTURE,
            "WrongShape",
            r"a cell of \[1\] came; expected \[3, 480, 640\], a row of the model's \[1, 3, 480, 640\]",
        ),
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
        table_runs(read_records(records), model(spec))
    assert refused.value.error == error


@pytest.mark.parametrize(("begin", "rows"), [(0, 21), (3, 9), (8, 1), (13, 8)])
def test_booleans_are_taken_out_of_their_bits(begin: int, rows: int) -> None:
    rng = np.random.default_rng(1)
    bits = rng.random((21, 3)) < 0.5
    column = pa.array(bits.tolist(), pa.list_(pa.bool_(), 3)).slice(begin, rows)
    (run,) = table_runs(pa.table({"x": column}), model(TensorSpec("x", "bool", (None, 3))))
    assert run["x"].dtype == bool
    assert run["x"].tolist() == bits[begin : begin + rows].tolist()


def test_many_batches_are_as_one() -> None:
    table = pa.concat_tables([pa.table({"x": [[1.0, 2.0]], "left": [None]})] * 50)
    single = table_runs(table, model(TensorSpec("x", "float32", (2,)), batch_config="single"))
    assert [run["x"].tolist() for run in single] == [[1, 2]] * 50


def test_the_number_of_tensor_fields_must_be_that_of_the_inputs() -> None:
    with pytest.raises(Refused, match="tensor_fields has 2 names"):
        table_runs(read_records(b'[{"tensor": [1, 2]}]'), model(TENSOR, tensor_fields=("a", "b")))


def cell(*shape: int) -> pa.Table:
    """One row whose cell is 0, 1, 2, ... in this shape."""
    nested = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape).tolist()
    kind: Any = pa.float32()
    for _ in shape:
        kind = pa.list_(kind)
    return pa.table({"x": pa.array([nested], kind)})


ROWS, SINGLE = {"batch_config": None}, {"batch_config": "single"}


@pytest.mark.parametrize(
    ("declared", "mode", "came", "becomes"),
    [
        ((None, 3, 8, 8), ROWS, (3, 8, 8), (1, 3, 8, 8)),
        ((None, 3, 8, 8), ROWS, (1, 3, 8, 8), (1, 3, 8, 8)),
        ((None, 3, 8, 8), ROWS, (192,), (1, 3, 8, 8)),
        ((None, 3, 8, 8), ROWS, (8, 8, 3), None),
        ((None, 3, 8, 8), ROWS, (1, 8, 8, 3), None),
        ((None, 3, 8, 8), ROWS, (3, 64), None),
        ((None, 3, 8, 8), ROWS, (24, 8), None),
        ((None, 3, 8, 8), ROWS, (2, 3, 8, 8), None),
        ((None, 3, 8, 8), ROWS, (191,), None),
        ((None, 1, 4, 4), ROWS, (4, 4), (1, 1, 4, 4)),
        ((None, 4, 4, 1), ROWS, (4, 4), None),
        ((None, 4, 2), ROWS, (4, 2), (1, 4, 2)),
        ((None, 4, 2), ROWS, (2, 4), None),
        ((None, None, 2), ROWS, (2, 4), None),
        ((None, None, 2), ROWS, (8,), (1, 4, 2)),
        ((None, None, 2), ROWS, (7,), None),
        ((None, None, 4, 4), ROWS, (4, 4), None),
        ((None, None, None), ROWS, (4,), None),
        ((None, None, None), ROWS, (1, 4), (1, 1, 4)),
        ((None,), ROWS, (), (1,)),
        ((None,), ROWS, (1,), (1,)),
        ((None,), ROWS, (2,), None),
        ((None, 1), ROWS, (), (1, 1)),
        ((1, 2, 2), ROWS, (2, 2), (1, 2, 2)),
        ((1, None, None, 3), SINGLE, (1, 4, 5, 3), (1, 4, 5, 3)),
        ((1, None, None, 3), SINGLE, (4, 5, 3), (1, 4, 5, 3)),
        ((1, None, None, 3), SINGLE, (2, 4, 5, 3), None),
        ((1, None, None, 3), SINGLE, (60,), None),
        ((1, None, None, 3), SINGLE, (4, 15), None),
        ((None, None), SINGLE, (1, 6), (1, 6)),
        ((None, None), SINGLE, (2, 3), (2, 3)),
        ((None, None), SINGLE, (6,), (1, 6)),
        ((None, None), SINGLE, (), None),
        ((1, 3, 4, 5), SINGLE, (1, 3, 4, 5), (1, 3, 4, 5)),
        ((1, 3, 4, 5), SINGLE, (3, 4, 5), (1, 3, 4, 5)),
        ((1, 3, 4, 5), SINGLE, (60,), (1, 3, 4, 5)),
        ((1, 3, 4, 5), SINGLE, (3, 20), None),
        ((None,), SINGLE, (7,), (7,)),
        ((None,), SINGLE, (1, 7), (7,)),
        ((), ROWS, (), ()),
        ((), SINGLE, (), ()),
        ((), ROWS, (1,), ()),
        ((), ROWS, (2,), None),
        ((), ROWS, (1, 1), None),
        (None, ROWS, (), (1,)),
        (None, ROWS, (2, 3), (1, 2, 3)),
        (None, SINGLE, (2, 3), (2, 3)),
        (None, SINGLE, (), ()),
        ((None, 0), ROWS, (0,), (1, 0)),
        ((None, 0, 3), ROWS, (0, 3), (1, 0, 3)),
        ((None, None, 3), ROWS, (0,), (1, 0, 3)),
        ((None, None, 0), ROWS, (0,), None),
        ((None, None, 0), ROWS, (5, 0), (1, 5, 0)),
        ((None, 3), ROWS, (0,), None),
    ],
    ids=str,
)
def test_a_cell_takes_the_declared_shape_by_adding_or_dropping_a_leading_1_or_where_it_is_flat(
    declared: Any, mode: dict[str, Any], came: tuple[int, ...], becomes: tuple[int, ...] | None
) -> None:
    pinned = model(TensorSpec("x", "float32", declared), **mode)
    if becomes is None:
        with pytest.raises(Refused, match="input 'x': a cell of ") as refused:
            table_runs(cell(*came), pinned)
        assert refused.value.error == "WrongShape"
        assert f"a cell of {list(came)} came" in refused.value.message
    else:
        (run,) = table_runs(cell(*came), pinned)
        assert run["x"].shape == becomes
        assert run["x"].ravel().tolist() == list(range(int(np.prod(came))))


def test_the_shape_that_is_expected_is_said_by_the_files_own_names() -> None:
    spec = TensorSpec("x", "float32", (None, 3, None), ("batch", None, "points"))
    with pytest.raises(
        Refused, match=r"a cell of \[4, 2\] came; expected \[3, points\], a row of .* \[batch, 3, points\]"
    ):
        table_runs(cell(4, 2), model(spec))


def test_the_axes_of_a_tensor_column_are_known() -> None:
    kind = pa.fixed_shape_tensor(pa.float32(), (3, 2))
    column = pa.ExtensionArray.from_storage(kind, pa.array([list(range(6))], pa.list_(pa.float32(), 6)))
    (run,) = table_runs(pa.table({"x": column}), model(TensorSpec("x", "float32", (None, 3, 2))))
    assert run["x"].tolist() == [[[0, 1], [2, 3], [4, 5]]]
    with pytest.raises(Refused, match=r"a cell of \[3, 2\] came; expected \[2, 3\]"):
        table_runs(pa.table({"x": column}), model(TensorSpec("x", "float32", (None, 2, 3))))


def test_rows_that_are_not_one_run_are_one_each_with_their_batch_dimension() -> None:
    table = pa.table({"x": [[1.0, 2], [3, 4]], "limit": [0.5, 1.5]})
    specs = TensorSpec("x", "float32", (None, 2)), TensorSpec("limit", "float32", ())
    made = table_runs(table, model(*specs), together=False)
    assert [(run["x"].tolist(), run["limit"].shape, float(run["limit"])) for run in made] == [
        ([[1, 2]], (), 0.5),
        ([[3, 4]], (), 1.5),
    ]


@pytest.mark.parametrize("together", [True, False])
def test_rows_of_different_lengths_are_runs_of_their_own(*, together: bool) -> None:
    table = pa.table({"x": [[1.0], [2.0, 3.0]]})
    made = table_runs(table, model(TensorSpec("x", "float32", (None, None))), together=together)
    assert [run["x"].tolist() for run in made] == [[[1]], [[2, 3]]]


def test_a_model_of_several_rows_takes_just_so_many_where_they_are_known_to_be_rows() -> None:
    specs = (TensorSpec("x", "float32", (2, 3)),)
    three, two = (pa.table({"x": [[1.0, 2.0, 3.0]] * rows}) for rows in (3, 2))
    rows = model(*specs, outputs=(TensorSpec("y", "float32", (2,), per_row=True),))
    assert [run["x"].shape for run in table_runs(two, rows)] == [(2, 3)]
    with pytest.raises(Refused, match="'x' has a first dimension of 2, 3 rows came; expected 2 rows"):
        table_runs(three, rows)
    unknown = model(*specs, outputs=(TensorSpec("y", "float32", (2,)),))
    with pytest.raises(Refused, match=r"2 rows came; expected one row with the whole \[2, 3\] and .*'single'"):
        table_runs(two, unknown)


def test_text_of_a_scalar_input_stays_an_array() -> None:
    (run,) = table_runs(pa.table({"x": ["word"]}), model(TensorSpec("x", "string", ())))
    assert (run["x"].shape, run["x"].dtype, run["x"].item()) == ((), object, "word")
