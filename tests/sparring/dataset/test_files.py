"""What lies in one file of a results dataset, and what does not."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.results import Answer
from schemas.tables.read import encode_table
from sparring.dataset import DatasetWriter, FrameFacts, open_dataset
from tests.sparring.replay.made import DAY_MS, answer, failed


def answered(y: Any, **more: Any) -> Answer:
    return answer(value=encode_table(pa.table({"y": y})), **more)


def files(folder: Path, *answers: tuple[Answer, Answer | None]) -> list[pa.Table]:
    """The tables of the files in which these lie that were added together, with what was recorded."""
    writer = DatasetWriter(folder, "abc", lambda _: None)
    for number, (made, recorded) in enumerate(answers):
        writer.add(FrameFacts(f"r{number}", "s", DAY_MS), made, recorded)
    return [pq.ParquetFile(folder / path).read() for path in writer.flush()]


FLOATS = pa.array([[1.5]], pa.list_(pa.float32()))
NUMBERS = pa.array([[2]], pa.list_(pa.int64()))
WORDS = pa.array([["three"]], pa.list_(pa.string()))


def test_outputs_whose_type_changed_with_a_later_step_lie_in_files_of_their_own_each_with_its_type(
    tmp_path: Path,
) -> None:
    """The pipeline's next version has the same first model, by which an answer is named."""
    made = [answered(FLOATS), answered(WORDS, pipeline_version="v2"), answered(NUMBERS, pipeline_version="v3")]
    tables = files(tmp_path, *((one, None) for one in made), (made[0], None))
    assert [table.schema.field("out.y").type for table in tables] == [FLOATS.type, WORDS.type, NUMBERS.type]
    assert [table["subject"].to_pylist() for table in tables] == [["r0", "r3"], ["r1"], ["r2"]]


def test_so_do_those_whose_recorded_outputs_had_another_type(tmp_path: Path) -> None:
    made = answered(FLOATS)
    tables = files(tmp_path, (made, made), (made, answered(WORDS, pipeline_version="v2")), (made, failed()))
    assert [table.schema.field("out.y").type for table in tables] == [FLOATS.type] * 3
    assert [table.column_names.count("recorded.out.y") for table in tables] == [1, 1, 0]
    assert tables[1]["recorded.out.y"].to_pylist() == [["three"]]


def test_a_column_has_the_models_own_dtype(tmp_path: Path) -> None:
    (table,) = files(tmp_path, (answer(outputs={"y": [np.array([1], np.uint8)]}), None))
    assert table.schema.field("out.y").type == pa.list_(pa.uint8())


def test_the_whole_of_a_dataset_has_text_where_versions_gave_numbers_and_text(tmp_path: Path) -> None:
    large = pa.array([[2**53 + 1]], pa.list_(pa.int64()))
    files(tmp_path, (answered(large), None), (answered(WORDS, pipeline_version="v2"), None))
    table = open_dataset(tmp_path).to_table(columns=["out.y"])
    assert sorted(table["out.y"].to_pylist()) == [["9007199254740993"], ["three"]]


def test_whole_numbers_that_floats_do_not_hold_are_not_read_as_floats(tmp_path: Path) -> None:
    large = pa.array([[2**53 + 1]], pa.list_(pa.int64()))
    files(tmp_path, (answered(large), None), (answered(FLOATS, pipeline_version="v2"), None))
    with pytest.raises(pa.ArrowInvalid, match="9007199254740993 not in range"):
        open_dataset(tmp_path).to_table(columns=["out.y"])
