"""What the SDK refuses of a table is what the model's process refuses, and what it sends is what came."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.errors import Refused
from schemas.limits import REQUEST_ROWS_MAX
from schemas.models import Configuration, ModelVersion, PinnedModel, TensorSpec
from schemas.pipelines import ModelStep, PipelineVersion, RandomSplit, ShadowDeploy, WeightedModel
from schemas.tables.fitting import fit_table
from schemas.tables.read import encode_table, read_arrow, read_table
from sparring.frames.inputs import frame_of
from tests.nouns import pipeline_version


def model(name: str, *inputs: TensorSpec, **configuration: Any) -> PinnedModel:
    outputs = (TensorSpec("y", "float32", (None,), per_row=True),)
    version = ModelVersion("default", name, "v1", f"sha-{name}", "onnx", f"{name}.onnx", 1, 0, inputs, outputs)
    return PinnedModel(version, Configuration("onnx", **configuration))


def spec(dtype: str, *shape: int | None) -> TensorSpec:
    return TensorSpec("x", dtype, shape)


def one(cell: Any, *more: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": [cell, *more]})


INPUTS: list[tuple[TensorSpec, pd.DataFrame | pa.Table, str | None]] = [
    (spec("float32", None, 2), one([1.0, 2.0]), None),
    (spec("float32", None, 2), one([1, 2]), None),
    (spec("float32", None, 2), one([1.0, 2.0], [3.0, 4.0]), None),
    (spec("float32", None, 2), one([1.0, 2.0, 3.0]), "WrongShape"),
    (spec("float32", None, 2), one(["a", "b"]), "WrongDtype"),
    (spec("float32", None, 2), one([True, False]), "WrongDtype"),
    (spec("float32", None, 2), one([1.0, None]), "WrongDtype"),
    (spec("float32", None, 2), pa.table({"x": pa.array([None], pa.list_(pa.float32()))}), "WrongDtype"),
    (spec("float32", None, 2), pa.table({"x": [{"a": 1}]}), "WrongDtype"),
    (spec("float32", None, 2), one([1e39, 1.0]), "WrongDtype"),
    (spec("float32", None, 2), one([math.inf, math.nan]), None),
    (spec("float32", None, 3, 2), one(np.zeros((3, 2))), None),
    (spec("float32", None, 3, 2), one(np.zeros((2, 3))), "WrongShape"),
    (spec("float32", None, None, 2), one(np.zeros((3, 2)), np.zeros((4, 2))), None),
    (spec("float16", None), one(70000), "WrongDtype"),
    (spec("float16", None), one(70000.0), "WrongDtype"),
    (spec("float16", None), one(0.1), None),
    (spec("uint8", None), one(-1), "WrongDtype"),
    (spec("uint64", None), pa.table({"x": pa.array([-1], pa.int64())}), "WrongDtype"),
    (spec("int64", None), pa.table({"x": pa.array([2**64 - 1], pa.uint64())}), "WrongDtype"),
    (spec("int64", None), one(1.0), "WrongDtype"),
    (spec("string", None), one("word"), None),
    (spec("string", None), one(1), "WrongDtype"),
    (spec("bool", None), one(1), "WrongDtype"),
    (spec("float32"), one(1.0, 2.0), None),
    (spec("float32", 2, 2), one([1.0, 2.0]), "WrongShape"),
    (TensorSpec("x", "float32"), one([[1.0, 2.0]]), None),
    (TensorSpec("absent", "float32", (None,)), one(1.0), "MissingField"),
    (spec("float32", None), pa.table({"x": pa.array(np.zeros(REQUEST_ROWS_MAX + 1, np.float32))}), "TableTooLarge"),
]


def processed(given: pd.DataFrame | pa.Table, pinned: PinnedModel) -> dict[str, Any]:
    """What the model's process makes of the table, had it been sent as it came."""
    whole = given if isinstance(given, pa.Table) else pa.table({"x": pa.array([_nested(c) for c in given["x"]])})
    return fit_table(read_table("application/vnd.apache.arrow.stream", encode_table(whole)), pinned)


def _nested(cell: Any) -> Any:
    return cell.tolist() if isinstance(cell, np.ndarray) else cell


@pytest.mark.parametrize(("taken", "given", "refused"), INPUTS)
def test_a_table_is_refused_before_it_is_sent_just_where_the_models_process_refuses_it(
    taken: TensorSpec, given: Any, refused: str | None
) -> None:
    pinned = model("m", taken)
    version = pipeline_version(ModelStep(pinned))
    if refused is None:
        value, kind = frame_of(given, version)
        sent = fit_table(read_table(kind, value), pinned)["x"]  # type: ignore[arg-type]  # it is Arrow
        np.testing.assert_array_equal(
            np.concatenate([*sent], axis=None), np.concatenate([*processed(given, pinned)["x"]], axis=None)
        )
        return
    with pytest.raises(Refused) as process:
        processed(given, pinned)
    assert process.value.error == refused
    with pytest.raises(ValueError, match=r"^tensor: ") as sdk:
        frame_of(given, version)
    if refused not in ("MissingField", "TableTooLarge"):
        assert str(sdk.value) == f"tensor: m cannot take it: {process.value.message}"


SMALL, WIDE = model("small", spec("float32", None, 2)), model("wide", spec("float32", None, 3))
BOTH = one([1.0, 2.0])


@pytest.mark.parametrize(
    "step",
    [
        RandomSplit((WeightedModel(1, SMALL), WeightedModel(0, WIDE))),
        ShadowDeploy(SMALL, (WIDE,)),
    ],
    ids=["an arm of weight 0", "a challenger"],
)
def test_only_a_model_that_must_take_a_table_refuses_it(step: Any) -> None:
    assert read_arrow(frame_of(BOTH, pipeline_version(step))[0]).num_rows == 1


@pytest.mark.parametrize(
    "step",
    [RandomSplit((WeightedModel(1, SMALL), WeightedModel(1, WIDE))), ShadowDeploy(WIDE, (SMALL,))],
    ids=["an arm", "the champion"],
)
def test_every_model_that_may_answer_must_take_it(step: Any) -> None:
    with pytest.raises(ValueError, match=r"tensor: wide cannot take it: .* a cell of \[2\] came; expected \[3\]"):
        frame_of(BOTH, pipeline_version(step))


@pytest.mark.parametrize(("number", "kind"), [(1.5, pa.float32()), (math.inf, pa.float32()), (1e39, pa.float64())])
def test_a_column_is_sent_in_half_its_bytes_unless_a_number_would_become_infinite(number: float, kind: Any) -> None:
    champion = model("champion", spec("float32", None), tensor_fields=("x",))
    challenger = model("challenger", spec("float32", None), tensor_fields=("other",))
    table = pd.DataFrame({"x": [[0.1]], "other": [[number]]})
    version: PipelineVersion = pipeline_version(ShadowDeploy(champion, (challenger,)))
    schema = read_arrow(frame_of(table, version)[0]).schema
    assert [schema.field(name).type for name in ("x", "other")] == [pa.list_(pa.float32()), pa.list_(kind)]
