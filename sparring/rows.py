"""Answers as rows of the results dataset: one per input row; an answer without outputs is one row. Pure.

`client.results(...).batches()`, exports and replays write the same columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec
import pyarrow as pa

from schemas.errors import Refused
from schemas.results import Answer, Failure
from schemas.tables import read_arrow

_TYPES: dict[str, Any] = {
    "subject": pa.string(),
    "request_id": pa.string(),
    "source": pa.string(),
    "at": pa.timestamp("ms", "UTC"),
    "row": pa.int32(),
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
    "frame_digest": pa.string(),
    "published_at": pa.timestamp("ms", "UTC"),
    "queued_ns": pa.int64(),
    "decode_ns": pa.int64(),
    "infer_ns": pa.int64(),
}
COLUMNS: Final = pa.schema(_TYPES)
"""Those that every answer has, in their order. After them stand the outputs: `out.<name>`, and `anomaly.<name>`."""


@dataclass(frozen=True)
class AnsweredFrame:
    """An answer, and what was asked.

    subject: the same in every run over the same source: the original's request id, else the source's name.
    source: where the frame's bytes lie. at: when the frame was produced first, Unix milliseconds.
    """

    subject: str
    source: str
    at: int
    answer: Answer

    @property
    def outputs(self) -> pa.Table:
        """One row per input row; one row without columns where there is nothing to read."""
        return self._read[0]

    @property
    def failure(self) -> Failure | None:
        """Why there are no outputs."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[pa.Table, Failure | None]:
        if self.answer.status != "ok":
            return _NOTHING, failure_of(self.answer)
        try:
            return read_arrow(self.answer.value), None
        except Refused as error:
            return _NOTHING, Failure(error.error, error.message, "read")


def rows_table(asked: Sequence[AnsweredFrame]) -> pa.Table:
    """The rows of these answers, in their order: `COLUMNS`, then each output that one of them has, null elsewhere.

    An answer whose value cannot be read is one row that says why in `error`.

    Raises:
        ValueError: an output has different types in these answers, which no column can hold.
    """
    outputs = [one.outputs for one in asked]
    columns = _repeated(asked, [table.num_rows for table in outputs])
    return pa.table(columns | _joined(outputs))


def output_name(name: str) -> str:
    """The column of an output; `anomaly.*` stands beside the outputs, not among them."""
    return name if name.startswith("anomaly.") else f"out.{name}"


def failure_of(answer: Answer) -> Failure:
    """Why an answer is not `ok`, also where its writer did not say it as the contract has it."""
    try:
        return answer.failure()
    except ValueError:
        return Failure("", f"{len(answer.value)} bytes that say nothing", "")


_NOTHING: Final = pa.table({"row": [0]}).select([])


def _repeated(asked: Sequence[AnsweredFrame], counts: Sequence[int]) -> dict[str, Any]:
    """The fixed columns, each answer's values as often as it has rows."""
    table = pa.Table.from_pylist([_facts(one) for one in asked], schema=COLUMNS)
    repeats = [at for at, count in enumerate(counts) for _ in range(count)]
    whole = table.take(pa.array(repeats, pa.int64()))
    columns: dict[str, Any] = {name: whole[name] for name in COLUMNS.names}
    columns["row"] = pa.array([row for count in counts for row in range(count)], pa.int32())
    return columns


def _facts(one: AnsweredFrame) -> dict[str, Any]:
    answer, failure = one.answer, one.failure
    return {
        "subject": one.subject,
        "request_id": answer.request_id,
        "source": one.source,
        "at": one.at,
        "pipeline": answer.pipeline,
        "pipeline_version": answer.pipeline_version,
        "role": answer.role,
        "model": answer.model,
        "model_version": answer.model_version,
        "model_sha256": answer.model_sha256,
        "status": answer.status,
        "error": None if failure is None else failure.error,
        "message": None if failure is None else failure.message,
        "stage": None if failure is None else failure.stage,
        "split": msgspec.json.encode(answer.split).decode(),
        "frame_digest": answer.frame_digest,
        "published_at": answer.published_at,
        "queued_ns": answer.timings.queued_ns,
        "decode_ns": answer.timings.decode_ns,
        "infer_ns": answer.timings.infer_ns,
    }


def _joined(tables: Sequence[pa.Table]) -> dict[str, Any]:
    """Each output by its column's name; null where an answer has none of that name. A table without columns would lose
    its rows in a concatenation, hence the marker."""
    marked = [table.append_column(_MARK, pa.nulls(table.num_rows)) for table in (_NOTHING.slice(0, 0), *tables)]
    try:
        whole = pa.concat_tables(marked, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise ValueError(f"outputs of one name and of different types: {error}; write them apart, by model") from error
    return {output_name(name): whole[name] for name in whole.column_names if name != _MARK}


_MARK: Final = "\0row"
