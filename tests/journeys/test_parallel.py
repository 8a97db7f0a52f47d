"""A big table in sub-batches: results in the order of the input, errors that name the rows."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sparring import ModelVersion, Pipeline
from sparring.object import InferenceError

Scale = Callable[[str, float], ModelVersion]


def rows(count: int) -> np.ndarray:
    return np.arange(2 * count, dtype=np.float32).reshape(count, 2)


def test_results_come_in_the_order_of_the_input(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("wide", 2.0)).deploy()
    frame = pd.DataFrame({"tensor": list(rows(205).tolist())}, index=range(1000, 1205))
    result = pipeline.parallel_infer(frame, batch_rows=10, num_parallel=4)
    assert result["out.y"].tolist() == (rows(205) * 2).tolist()
    assert result.index.tolist() == list(range(205))


def test_a_table_gives_a_table(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_model_step(scale("wide", 2.0)).deploy()
    table = pa.table({"tensor": rows(25).tolist()})
    result = pipeline.parallel_infer(table, batch_rows=10, dataset=["out"])
    assert result.to_pydict() == {"out.y": (rows(25) * 2).tolist()}


def test_after_a_split_each_sub_batch_meets_one_model(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_random_split([(1, scale("wide", 2.0)), (1, scale("other", 3.0))]).deploy()
    result = pipeline.parallel_infer(pd.DataFrame({"tensor": rows(60).tolist()}), batch_rows=1)
    assert result["out._model_split"].map(lambda cell: cell[0]).nunique() == 2
    together = pipeline.parallel_infer(pd.DataFrame({"tensor": rows(60).tolist()}), batch_rows=6)
    chosen = together["out._model_split"].map(lambda cell: cell[0]).groupby(np.arange(60) // 6).nunique()
    assert Counter(chosen) == {1: 10}


def test_an_error_names_the_rows(pipeline: Pipeline, scale: Scale) -> None:
    pipeline.add_random_split([(1, scale("wide", 2.0)), (1, scale("other", 3.0))], hash_key="place").deploy()
    frame = pd.DataFrame({"tensor": rows(30).tolist(), "place": [0.5] * 29 + [7.0]})
    with pytest.raises(InferenceError, match=r"HashKeyOutOfRange: rows 29 to 29: ") as raised:
        pipeline.parallel_infer(frame, batch_rows=1)
    assert raised.value.error == "HashKeyOutOfRange"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_parallel": 0}, ValueError, "num_parallel: 0; expected 1 to 64"),
        ({"batch_rows": 1.5}, TypeError, "batch_rows: 1.5; expected a whole number"),
        ({"retries": -1}, ValueError, "retries: -1; expected 0 to 100"),
        ({"timeout": "soon"}, TypeError, "timeout: 'soon'; expected seconds"),
        ({"tensor": [1]}, TypeError, "tensor: list; expected a pandas.DataFrame"),
    ],
)
def test_a_wrong_argument_is_named(
    pipeline: Pipeline, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        pipeline.parallel_infer(**{"tensor": pd.DataFrame({"tensor": [[1.0, 2.0]]}), **arguments})
