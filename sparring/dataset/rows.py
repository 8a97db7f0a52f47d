"""Answers become tables of `columns`, one for each folder of the dataset. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import msgspec
import pyarrow as pa

from schemas.errors import Refused
from schemas.results import Answer, Failure
from schemas.tables import read_arrow
from sparring.dataset.asked import Asked
from sparring.dataset.columns import ASKED, FIXED, RECORDED, SIZED, TOLD, TOLD_AGAIN
from sparring.rows import failure_of, output_name


class Size(NamedTuple):
    """Of a model's input, pixels; aspect: `stretch` or `letterbox`."""

    width: int
    height: int
    aspect: str


_NO_OUTPUTS: Final = pa.table({"row": pa.array([0], pa.int32())})


class Place(NamedTuple):
    """A folder of the dataset, and of what its files are alike: outputs of two versions may differ in their types."""

    date: str
    model: str | None
    version: str | None
    recorded_version: str | None


@dataclass(slots=True)
class _Lines:
    """The rows of one place. `values`: by column, one for each answer; `outputs`: one table for each answer."""

    values: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    counts: list[int] = field(default_factory=list)
    outputs: list[pa.Table] = field(default_factory=list)

    def table(self) -> pa.Table:
        told = pa.concat_tables(self.outputs, promote_options="permissive")
        which = pa.array([number for number, count in enumerate(self.counts) for _ in range(count)], pa.int64())
        fixed = {
            name: pa.array(self.values[name], FIXED.field(name).type).take(which)
            for name in (*ASKED, *TOLD, *SIZED, *TOLD_AGAIN)
            if name != "row"
        }
        columns: dict[str, Any] = {name: told["row"] if name == "row" else fixed[name] for name in FIXED.names}
        columns |= {name: told[name] for name in told.column_names if name != "row"}
        return pa.table(columns)


class Rows:
    """Rows that are not written yet. size_bytes: of the answers that they were made of."""

    def __init__(self) -> None:
        self._lines: dict[Place, _Lines] = defaultdict(_Lines)
        self.count = 0
        self.size_bytes = 0

    def add(self, asked: Asked, answer: Answer, recorded: Answer | None = None, size: Size | None = None) -> None:
        """Add one answer's rows; recorded: the official answer that the frame had before."""
        outputs, failure = _outputs(answer)
        then, then_failure = (None, None) if recorded is None else _outputs(recorded)
        if then is not None:
            outputs = _beside(outputs, then)
        date = datetime.fromtimestamp(asked.at / 1000, UTC).date().isoformat()
        then_version = None if recorded is None else recorded.model_version
        lines = self._lines[Place(date, answer.model, answer.model_version, then_version)]
        values = {
            "subject": asked.subject,
            "source": asked.source,
            "at": asked.at,
            **_told(answer, failure),
            "input_width": size and size.width,
            "input_height": size and size.height,
            "input_aspect": size and size.aspect,
            **dict.fromkeys(TOLD_AGAIN),
        }
        if recorded is not None:
            again = {"model": recorded.model, **_told(recorded, then_failure)}
            values |= {f"{RECORDED}{name}": value for name, value in again.items()}
        for name, value in values.items():
            lines.values[name].append(value)
        lines.outputs.append(outputs)
        lines.counts.append(outputs.num_rows)
        self.count += outputs.num_rows
        self.size_bytes += len(answer.value) + len(b"" if recorded is None else recorded.value)

    def tables(self) -> Iterator[tuple[Place, pa.Table]]:
        """One table for each place."""
        for place, lines in self._lines.items():
            yield place, lines.table()


def _outputs(answer: Answer) -> tuple[pa.Table, Failure | None]:
    """The outputs with their rows' numbers; one row without outputs, and why, where there are none."""
    if answer.status != "ok":
        return _NO_OUTPUTS, failure_of(answer)
    try:
        table = read_arrow(answer.value)
    except Refused as refusal:
        return _NO_OUTPUTS, Failure(refusal.error, refusal.message, "read")
    names = [output_name(name) for name in table.column_names]
    numbers = pa.array(range(table.num_rows), pa.int32())
    outputs: dict[str, Any] = dict(zip(names, cast("list[Any]", table.columns), strict=True))
    return pa.table({"row": numbers, **outputs}), None


def _beside(outputs: pa.Table, then: pa.Table) -> pa.Table:
    """The recorded answer's outputs in the rows of the new one's; the longer of both counts."""
    rows = max(outputs.num_rows, then.num_rows)
    columns = {name: _padded(outputs[name], rows) for name in outputs.column_names if name != "row"}
    columns |= {f"{RECORDED}{name}": _padded(then[name], rows) for name in then.column_names if name != "row"}
    return pa.table({"row": pa.array(range(rows), pa.int32()), **columns})


def _padded(column: Any, rows: int) -> Any:
    missing = rows - len(column)
    return pa.chunked_array([*column.chunks, pa.nulls(missing, column.type)]) if missing else column


def _told(answer: Answer, failure: Failure | None) -> dict[str, Any]:
    return {
        "request_id": answer.request_id,
        "pipeline": answer.pipeline,
        "pipeline_version": answer.pipeline_version,
        "role": answer.role,
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
