"""Answers as rows of the results dataset."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.results import Timings
from schemas.tables.read import encode_rows, encode_table
from schemas.tasks import SplitChoice
from sparring.dataset.outputs import COLUMNS, AnswerTable, answer_facts, read_outputs
from sparring.results.batches import BATCH_BYTES_MAX, RowBatch
from sparring.results.result import Result
from tests.sparring.results.made import result


def rows_table(*results: Result) -> pa.Table:
    gathered = AnswerTable(COLUMNS)
    for one in results:
        outputs, failure = read_outputs(one.answer)
        gathered.add(one.asked().facts() | answer_facts(one.answer, failure), outputs)
    return gathered.table()


def outputs(**rows: list[list[Any]]) -> bytes:
    return encode_rows({name: [np.array(row, np.float32) for row in cells] for name, cells in rows.items()})


def test_an_answer_has_a_row_per_input_row_and_one_without_outputs_has_one() -> None:
    failed = result("b", status="error", value=b'{"error": "E", "message": "m", "stage": "infer"}')
    table = rows_table(result("a", value=outputs(y=[[1], [2, 3], []])), failed)
    assert table.select(["request_id", "row", "error", "message", "stage", "out.y"]).to_pydict() == {
        "request_id": ["a", "a", "a", "b"],
        "row": [0, 1, 2, 0],
        "error": [None, None, None, "E"],
        "message": [None, None, None, "m"],
        "stage": [None, None, None, "infer"],
        "out.y": [[1], [2, 3], [], None],
    }
    assert table.schema.field("out.y").type == pa.list_(pa.float32())


def test_the_columns_are_those_of_the_dataset_whatever_the_answers_are() -> None:
    assert rows_table().schema.names == COLUMNS.names
    assert rows_table(result(status="shed", value=b"?")).schema == COLUMNS


def test_a_row_says_what_its_answer_says() -> None:
    split = (SplitChoice(0, "camera", None, (("a", 2), ("b", 1)), "a", "v1", "sha"),)
    one = result("a", 5000, frame="f/1/2", frame_digest="d", split=split, timings=Timings(10**9, 2 * 10**6, 3 * 10**6))
    (row,) = rows_table(one).to_pylist()
    assert (row["subject"], row["source"], row["frame_digest"]) == ("a", "f/1/2", "d")
    assert (row["published_at"].timestamp(), row["at"].timestamp()) == (5, 3.995)
    assert (row["queued_ns"], row["decode_ns"], row["infer_ns"]) == (10**9, 2 * 10**6, 3 * 10**6)
    assert json.loads(row["split"])[0]["hash_key"] == "camera"
    assert one.at == row["at"]


def test_outputs_of_several_models_stand_beside_each_other_and_anomalies_beside_them() -> None:
    anomalies = pa.table({"y": pa.array([[1.0]], pa.list_(pa.float32())), "anomaly.count": pa.array([1], pa.int64())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, anomalies.schema) as writer:
        writer.write_table(anomalies)
    made = [result(value=bytes(sink.getvalue())), result(value=outputs(z=[[2]]))]
    table = rows_table(*made)
    assert table.column_names[len(COLUMNS) :] == ["out.y", "anomaly.count", "out.z"]
    assert table["anomaly.count"].to_pylist() == [1, None]
    assert table["out.z"].to_pylist() == [None, [2]]


def test_rows_stand_in_the_order_of_their_answers_whatever_outputs_they_have() -> None:
    made = [
        result(value=outputs(y=[[1], [2]])),
        result(status="shed", value=b"?"),
        result(value=outputs(z=[[3]])),
        result(value=encode_table(pa.table({"y": pa.array([], pa.list_(pa.float32()))}))),
        result(value=outputs(y=[[4]])),
    ]
    assert rows_table(*made).select(["row", "out.y", "out.z"]).to_pydict() == {
        "row": [0, 1, 0, 0, 0],
        "out.y": [[1], [2], None, None, [4]],
        "out.z": [None, None, None, [3], None],
    }


def test_outputs_beside_others_have_the_rows_of_the_longer() -> None:
    gathered = AnswerTable(pa.schema({"row": pa.int32()}), ("", "then."))
    one, two = (pa.table({"y": [[1.0]]}), pa.table({"y": [[2.0], [3.0]]}))
    assert [gathered.add({}, one, two), gathered.add({}, two, pa.table({}))] == [2, 2]
    assert gathered.table().to_pydict() == {
        "row": [0, 1, 0, 1],
        "out.y": [[1.0], None, [2.0], [3.0]],
        "then.out.y": [[2.0], [3.0], None, None],
    }


def test_an_answer_that_cannot_be_read_is_a_row_that_says_why() -> None:
    (row,) = rows_table(result(value=b"no arrow")).to_pylist()
    assert (row["status"], row["error"], row["row"]) == ("ok", "BadArrow", 0)


def test_outputs_without_a_common_type_are_refused() -> None:
    text = pa.table({"y": [["a"]]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, text.schema) as writer:
        writer.write_table(text)
    with pytest.raises(ValueError, match=r"outputs of one name and of different types: .*; write them apart, by model"):
        rows_table(result(), result(value=bytes(sink.getvalue())))


def test_a_batch_takes_what_fits_together_and_a_larger_result_alone_is_cut() -> None:
    batch = RowBatch(3)
    assert batch.add(result(value=outputs(y=[[1], [2]])))
    too_many, whole, double = (
        outputs(y=[[1], [2]]),
        encode_rows({"y": [np.array([1], np.int64)]}),
        encode_rows({"y": [np.array([1], np.float64)]}),
    )
    assert [batch.add(result(value=value)) for value in (too_many, whole, double)] == [False, False, True]
    assert batch.full
    assert [str(table.schema.field("out.y").type) for table in batch.tables()] == ["list<item: double>"]
    batch.clear()
    assert batch.add(result(value=outputs(y=[[1]] * 7)))
    assert [table.num_rows for table in batch.tables()] == [3, 3, 1]


def test_a_batch_is_bounded_in_bytes_too() -> None:
    batch = RowBatch(1000)
    large = encode_rows({"y": [np.zeros(BATCH_BYTES_MAX // 4, np.float32)]})
    assert batch.add(result(value=large))
    assert batch.full
    assert not batch.add(result())
