"""Answers as rows: one per input row, one where there are no outputs. Pure.

`client.results(...).batches()` and results datasets have these columns; docs/dataset.md is their page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from schemas.errors import Refused
from schemas.results import Answer, Failure
from schemas.tables.read import read_arrow

TIME: Final = pa.timestamp("ms", "UTC")

FRAME_COLUMNS: Final[dict[str, Any]] = {
    "subject": pa.string(),
    "source": pa.string(),
    "at": TIME,
    "row": pa.int32(),
}
"""Of the frame, see `FrameFacts`. row: of the request, from 0."""

ANSWER_COLUMNS: Final[dict[str, Any]] = {
    "request_id": pa.string(),
    "pipeline": pa.string(),
    "pipeline_version": pa.string(),
    "role": pa.string(),
    "model": pa.string(),
    "model_version": pa.string(),
    "model_sha256": pa.string(),
    "status": pa.string(),
    "error": pa.string(),
    "message": pa.string(),
    "stage": pa.string(),
    "split": pa.string(),
    "frame": pa.string(),
    "frame_digest": pa.string(),
    "published_at": TIME,
    "queued_ns": pa.int64(),
    "decode_ns": pa.int64(),
    "infer_ns": pa.int64(),
}
"""Of the answer, as docs/contract.md names it; split is JSON."""

COLUMNS: Final = pa.schema(FRAME_COLUMNS | ANSWER_COLUMNS)
"""Those that every answer has, in their order. After them stand the outputs: `out.<name>`, and `anomaly.<name>`."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What an answer answers, so that answers of two runs can be laid beside each other: one frame.

    subject: what was asked, the same in every run over the same frames: the request id of the frame that was recorded,
    else the source's name. source: where its bytes lie: `topic/partition/offset`, a file's path or URI, `path#picture`
    of a video, `path#column#row` of a dataset. at: when it was first produced, Unix milliseconds.
    """

    subject: str
    source: str
    at: int

    def facts(self) -> dict[str, Any]:
        """By column of `FRAME_COLUMNS`, but for the row."""
        return {"subject": self.subject, "source": self.source, "at": self.at}


def read_outputs(answer: Answer) -> tuple[pa.Table, Failure | None]:
    """An answer's outputs by their own names, one row per input row; or one row without columns, and why."""
    if answer.status != "ok":
        return _NOTHING, failure_of(answer)
    try:
        return read_arrow(answer.value), None
    except Refused as error:
        return _NOTHING, Failure(error.error, error.message, "read")


def failure_of(answer: Answer) -> Failure:
    """Why an answer is not `ok`, also where its writer did not say it as the contract has it."""
    try:
        return answer.failure()
    except ValueError:
        return Failure("", f"{len(answer.value)} bytes that say nothing", "")


def answer_facts(answer: Answer, failure: Failure | None) -> dict[str, Any]:
    """The columns `ANSWER_COLUMNS` of an answer."""
    return {
        "request_id": answer.request_id,
        "pipeline": answer.pipeline,
        "pipeline_version": answer.pipeline_version,
        "role": answer.role,
        "model": answer.model,
        "model_version": answer.model_version,
        "model_sha256": answer.model_sha256,
        "status": answer.status,
        "error": failure and failure.error,
        "message": failure and failure.message,
        "stage": failure and failure.stage,
        "split": msgspec.json.encode(answer.split).decode(),
        "frame": answer.frame,
        "frame_digest": answer.frame_digest,
        "published_at": answer.published_at,
        "queued_ns": answer.timings.queued_ns,
        "decode_ns": answer.timings.decode_ns,
        "infer_ns": answer.timings.infer_ns,
    }


def output_name(name: str) -> str:
    """The column of an output; `anomaly.*` stands beside the outputs, not among them."""
    return name if name.startswith("anomaly.") else f"out.{name}"


class AnswerTable:
    """Answers that become one table, in the order of `add`.

    Args:
        columns: those that every answer has, `row` among them.
        prefixes: of the outputs' names; an answer has one table of outputs for each. Its rows are those of the longest.
    """

    def __init__(self, columns: pa.Schema, prefixes: Sequence[str] = ("",)) -> None:
        self._columns = columns
        self._facts: list[Mapping[str, Any]] = []
        self._rows: list[int] = []
        self._outputs = {prefix: _Outputs() for prefix in prefixes}

    def add(self, facts: Mapping[str, Any], *outputs: pa.Table) -> int:
        """Add one answer; returns how many rows it has. facts: by column; what is not there is null."""
        self._facts.append(facts)
        for gathered, table in zip(self._outputs.values(), outputs, strict=True):
            gathered.add(table)
        rows = max(table.num_rows for table in outputs)
        self._rows.append(rows)
        return rows

    def table(self) -> pa.Table:
        """The columns, then each output that one of the answers has, null elsewhere.

        Raises:
            ValueError: an output has different types in these answers, which no column can hold.
        """
        rows = np.array(self._rows, np.int64)
        answers = np.repeat(np.arange(len(rows)), rows)
        numbers = np.arange(len(answers)) - np.repeat(np.cumsum(rows) - rows, rows)
        columns: dict[str, Any] = {}
        for field in self._columns:
            if field.name == "row":
                columns["row"] = pa.array(numbers, pa.int32())
                continue
            values = pa.array([one.get(field.name) for one in self._facts], field.type)
            columns[field.name] = values if len(rows) == len(answers) else values.take(pa.array(answers))
        for prefix, gathered in self._outputs.items():
            found = gathered.table(answers, numbers)
            columns |= {f"{prefix}{output_name(name)}": found[name] for name in found.column_names}
        return pa.table(columns)


class _Outputs:
    """Tables of outputs, gathered by their schema: most have that of the one before, and joining those is cheap."""

    def __init__(self) -> None:
        self._alike: list[list[pa.Table]] = []
        self._begins: list[tuple[int, int]] = []
        """Of each answer: which of `_alike`, and the row there; (-1, 0) of an answer without columns."""
        self._rows: list[int] = []
        self._ends: list[int] = []
        """Rows of each of `_alike`."""

    def add(self, table: pa.Table) -> None:
        if not table.num_columns:
            self._begins.append((-1, 0))
            self._rows.append(0)
            return
        which = next((at for at, tables in enumerate(self._alike) if tables[0].schema.equals(table.schema)), None)
        if which is None:
            which = len(self._alike)
            self._alike.append([])
            self._ends.append(0)
        self._alike[which].append(table)
        self._begins.append((which, self._ends[which]))
        self._ends[which] += table.num_rows
        self._rows.append(table.num_rows)

    def table(self, answers: np.ndarray, numbers: np.ndarray) -> pa.Table:
        """For each requested row, that answer's row of this number, or nulls."""
        if not self._alike:
            return pa.table({})
        try:
            alike = [pa.concat_tables(tables) for tables in self._alike]
            whole = pa.concat_tables(alike, promote_options="permissive").combine_chunks()
        except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
            raise ValueError(
                f"outputs of one name and of different types: {error}; write them apart, by model"
            ) from error
        firsts = np.cumsum([0, *self._ends])  # the last is for the answers without columns: (-1, 0)
        begins = np.array([firsts[which] + row for which, row in self._begins])
        wanted = begins[answers] + numbers
        absent = numbers >= np.array(self._rows)[answers]
        if not absent.any() and np.array_equal(wanted, np.arange(whole.num_rows)):
            return whole
        return whole.take(pa.array(wanted, mask=absent))


_NOTHING: Final = pa.table({"row": [0]}).select([])
