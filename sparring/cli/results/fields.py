"""An answer as flat fields, one set of names for `--format json`, `--format arrow` and `result --json`. Pure."""

from typing import Any, Final

import msgspec
import pyarrow as pa

from schemas.results import Answer
from schemas.tables.read import read_arrow
from sparring.dataset.outputs import output_name, read_outputs

_TEXTS: Final = ("pipeline", "pipeline_version", "role", "model", "model_version", "model_sha256", "split")
_PLACES: Final = ("frame", "frame_digest", "traceparent")
_NUMBERS: Final = ("parts", "queued_ns", "decode_ns", "infer_ns", "row")

_TYPES: dict[str, Any] = {
    "time": pa.timestamp("ms", "UTC"),
    "request_id": pa.string(),
    **dict.fromkeys((*_TEXTS, *_PLACES), pa.string()),
    **dict.fromkeys(_NUMBERS, pa.int64()),
}
FIELDS: Final = pa.schema(_TYPES)
"""The columns of `--format arrow` before the outputs. time: published_at; row: of the answer, from 0; split: JSON."""


def fields(answer: Answer) -> dict[str, Any]:
    """The headers of docs/contract.md, with underscores; nanoseconds, Unix milliseconds. What is absent is None."""
    timings = answer.timings
    return {
        "request_id": answer.request_id,
        "status": answer.status,
        "pipeline": answer.pipeline,
        "pipeline_version": answer.pipeline_version,
        "role": answer.role,
        "model": answer.model,
        "model_version": answer.model_version,
        "model_sha256": answer.model_sha256,
        "parts": answer.parts,
        "split": msgspec.to_builtins(answer.split),
        "frame": answer.frame,
        "frame_digest": answer.frame_digest,
        "queued_ns": timings.queued_ns,
        "decode_ns": timings.decode_ns,
        "infer_ns": timings.infer_ns,
        "published_at": answer.published_at,
        "traceparent": answer.traceparent,
    }


def with_outputs(answer: Answer) -> dict[str, Any]:
    """The fields, and `outputs`, a list per row of each; of an answer that is not `ok`, error, message and stage."""
    shown = fields(answer)
    table, why = read_outputs(answer)
    if why is None:
        return shown | {"outputs": _cells(table)}
    return shown | {"error": why.error, "message": why.message, "stage": why.stage}


def outputs(answer: Answer) -> dict[str, list[Any]]:
    """Each output of an `ok` answer, a flat list of numbers or text per row. Refused where it is no Arrow stream."""
    return _cells(read_arrow(answer.value))


def rows(answer: Answer) -> pa.Table | None:
    """An answer's rows: `FIELDS`, and the outputs as `out.*`; None where there are no outputs."""
    table, why = read_outputs(answer)
    if why is not None:
        return None
    count = table.num_rows
    values = fields(answer) | {"time": answer.published_at, "split": msgspec.json.encode(answer.split).decode()}
    columns: dict[str, Any] = {
        field.name: pa.array(range(count) if field.name == "row" else [values[field.name]] * count, field.type)
        for field in FIELDS
    }
    return pa.table(columns | {output_name(name): table[name] for name in table.column_names})


def _cells(table: pa.Table) -> dict[str, list[Any]]:
    from sparring.results.dataframe import cells  # noqa: PLC0415  # pandas: a table of lines needs none

    return {name: cells(table[name]) for name in table.column_names}
