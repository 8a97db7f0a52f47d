"""Tasks become answers: decode, run every step of the path, encode. The executor calls it; it never touches Kafka.

Requests that may share a run of the first step (`batch_rows_max`) are answered together. A batch that fails runs again
request by request, so that a bad request gets an error and the others get their answers.

Rows share a run, of one request or of several, only if the model's file or its configuration states that each output
has an entry per row, and a probe finds no row that depends on another. Otherwise each row has its own run through the
whole path, and the row's answer is the whole output of that run.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from adapters.clock import now_ms
from schemas.errors import Refused
from schemas.frames import is_table
from schemas.limits import RESULT_BYTES_MAX, RUN_MS_MAX
from schemas.models import PinnedModel
from schemas.names import Lane, ModelKey
from schemas.results import SMALLER_ANSWERS, Timings, answer_of_slip, failure_value
from schemas.tables.casting import Array, cast
from schemas.tables.fitting import Arrays
from schemas.tables.read import encode_table, output_columns, read_table
from schemas.tasks import Slip
from schemas.wiring import castable, dtype_of, wire_step
from workers.inference.in_flight import Finished, Ticket
from workers.inference.request_inputs import RequestInputs, request_inputs
from workers.inference.stale import ShedPolicy, answer_if_stale, queued_timings
from workers.inference.steps import LoadedModel
from workers.inference.version_cache import LoadedVersion

if TYPE_CHECKING:
    from adapters.rules import Rules

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Work:
    """One decoded request."""

    ticket: Ticket
    inputs: RequestInputs
    queued_ns: int
    decode_ns: int
    """Nanoseconds of the decoding, and of the fetch of a referenced frame."""


@dataclass(frozen=True, slots=True)
class RowTime:
    """The time limit for a request whose rows run one by one."""

    request_s_max: float = RUN_MS_MAX / 1000
    """Seconds for all rows of one request."""
    on_next_run: Callable[[], None] = lambda: None
    """Called before each run but the first: it restarts the watchdog's time limit."""


def answer_together(
    tickets: Sequence[Ticket],
    loaded: LoadedVersion,
    lane: Lane,
    shed_policy: ShedPolicy,
    row_time: RowTime = RowTime(),
) -> list[Finished]:
    """One answer per ticket, in their order.

    Args:
        tickets: of one pipeline version and one path.
        loaded: that version.
        lane: the lane of the process.
        shed_policy: for stale tasks of a challenger.
        row_time: the limit for rows that run one by one.
    """
    finished: dict[int, Finished] = {}
    works: list[_Work] = []
    path = [loaded.models[key] for key in tickets[0].slip.path]
    for ticket in tickets:
        without_run = answer_if_stale(ticket, lane, shed_policy)
        try:
            if without_run is None:
                works.append(_decoded(ticket, path))
            else:
                finished[id(ticket)] = without_run
        except Refused as refusal:
            finished[id(ticket)] = refused(ticket, refusal, queued_timings(ticket))
    together = len(works) > 1 and batch_rows_max(loaded, tickets[0].slip) > 1
    for group in _groups(works, together=together):
        for work, outcome in zip(group, _run_group(group, path, loaded.rules, row_time), strict=True):
            finished[id(work.ticket)] = outcome
            row_time.on_next_run()
    return [finished[id(ticket)] for ticket in tickets]


def refused(ticket: Ticket, refusal: Refused, timings: Timings) -> Finished:
    """An error answer. An official one carries the refusal, which makes a dead letter of the frame."""
    value = failure_value(refusal.error, refusal.message, refusal.stage)
    answer = answer_of_slip(ticket.content, ticket.slip, "error", value, now_ms(), timings)
    return Finished(answer, refusal if answer.official else None)


def batch_rows_max(loaded: LoadedVersion, slip: Slip) -> int:
    """How many rows of several requests may share a run.

    1, unless the first model is configured for more, its batch dimension is free, and its rows are independent.
    """
    first = loaded.models[slip.path[0]]
    rows_max = first.pinned.configuration.batch_rows_max
    free = all(spec.shape is not None and spec.shape[:1] == (None,) for spec in first.pinned.inputs)
    return rows_max if rows_max > 1 and free and first.pinned.stacks(rows_max) and first.independent else 1


def _decoded(ticket: Ticket, path: Sequence[LoadedModel]) -> _Work:
    queued_ns = queued_timings(ticket).queued_ns
    started_at_ns = time.perf_counter_ns() - ticket.fetch_ns

    def stacks(rows: int) -> bool:
        return all(model.pinned.stacks(rows) and model.independent for model in path)

    inputs = request_inputs(ticket.content, path[0].pinned, stacks)
    return _Work(ticket, inputs, queued_ns, time.perf_counter_ns() - started_at_ns)


def _groups(works: list[_Work], *, together: bool) -> list[list[_Work]]:
    """Groups of requests that fit into one run of the first step: their trailing shapes and dtypes are equal."""
    groups: dict[object, list[_Work]] = {}
    for work in works:
        alone = not together or len(work.inputs.runs) != 1
        shapes = tuple((name, array.shape[1:], array.dtype) for name, array in work.inputs.runs[0].items())
        groups.setdefault(id(work) if alone else shapes, []).append(work)
    return list(groups.values())


def _run_group(
    works: list[_Work], path: list[LoadedModel], rules: "Rules | None", row_time: RowTime
) -> Iterator[Finished]:
    firsts: list[Arrays] | list[None] = [None] * len(works)
    infer_ns = 0
    if len(works) > 1:
        started_at_ns = time.perf_counter_ns()
        try:
            firsts = _run_first_together(works, path[0])
            infer_ns = time.perf_counter_ns() - started_at_ns
        except Refused:
            # One request, or the combination, is the reason. A run of its own shows each request's own error.
            log.debug("the shared run of %d requests failed; each runs alone", len(works), exc_info=True)
    for work, first in zip(works, firsts, strict=True):
        yield _run_alone(work, path, rules, row_time, first, infer_ns)


def _run_first_together(works: list[_Work], first: LoadedModel) -> list[Arrays]:
    """The first step's outputs per request, from one run with the rows of all requests."""
    names = works[0].inputs.runs[0].keys()
    stacked = {name: np.concatenate([work.inputs.runs[0][name] for work in works]) for name in names}
    outputs = first.run(stacked)
    ends = np.cumsum([work.inputs.rows for work in works])
    for name, array in outputs.items():
        if array.ndim == 0 or array.shape[0] != ends[-1]:
            raise Refused("WrongShape", f"output {name!r} has no row per input row", "infer")
    slices = [slice(end - work.inputs.rows, end) for work, end in zip(works, ends, strict=True)]
    return [{name: array[rows] for name, array in outputs.items()} for rows in slices]


def _run_alone(
    work: _Work,
    path: list[LoadedModel],
    rules: "Rules | None",
    row_time: RowTime,
    first: Arrays | None,
    infer_ns: int,
) -> Finished:
    """Run the whole path for one request, or the steps after the first if that has run already (`first`)."""
    started_at_ns = time.perf_counter_ns()

    def timings() -> Timings:
        return Timings(work.queued_ns, work.decode_ns, infer_ns + time.perf_counter_ns() - started_at_ns)

    try:
        value = _encoded(work, _runs(work, path, row_time, first), rules)
    except Refused as refusal:
        return refused(work.ticket, refusal, timings())
    ticket = work.ticket
    return Finished(answer_of_slip(ticket.content, ticket.slip, "ok", value, now_ms(), timings()))


def _runs(work: _Work, path: list[LoadedModel], row_time: RowTime, first: Arrays | None) -> list[Arrays]:
    """The last step's outputs of each run."""
    started_at_s, outputs = time.monotonic(), []
    for index, arrays in enumerate(work.inputs.runs):
        took_s = time.monotonic() - started_at_s
        if index and took_s > row_time.request_s_max:
            raise Refused(
                "StepFailed",
                f"{index} of {len(work.inputs.runs)} rows, which run one by one, took {took_s:.0f} s; expected all "
                f"within {row_time.request_s_max:g} s: send fewer rows in one request, or configure(outputs_per_row="
                "True) where each row has its own entry in every output",
                "infer",
            )
        if index:
            row_time.on_next_run()
        outputs.append(run_path(path, arrays, first))
    return outputs


def _encoded(work: _Work, runs: Sequence[Arrays], rules: "Rules | None") -> bytes:
    rows = result_rows(runs, work.inputs.rows)
    try:
        table = output_columns(rows) if rules is None else _with_anomalies(rows, work.ticket, rules)
        value = encode_table(table)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise Refused("StepFailed", f"the outputs cannot be written as Arrow: {error}", "publish") from error
    if len(value) > RESULT_BYTES_MAX:
        outputs = ", ".join(f"{name} {array.dtype} {list(array.shape)}" for name, array in runs[0].items())
        message = (
            f"the answer has {len(value)} bytes; expected at most {RESULT_BYTES_MAX}: {SMALLER_ANSWERS}, and so do "
            f"fewer rows in one request; it holds {outputs}{f', {len(runs)} times' if len(runs) > 1 else ''}"
        )
        raise Refused("AnswerTooLarge", message, "publish")
    return value


def _with_anomalies(rows: dict[str, list[Array]], ticket: Ticket, rules: "Rules") -> pa.Table:
    """The outputs, and one column per validation of the pipeline with its result for each row."""
    outputs, frame, inputs = output_columns(rows), ticket.content, None
    content_type = frame.content_type
    if rules.takes_inputs and is_table(content_type):
        inputs = read_table(content_type, frame.value)
    anomalies, failed = rules.anomalies(outputs, inputs)
    for name, why in failed.items():
        what = {"request_id": ticket.slip.request_id, "pipeline": str(ticket.slip.pipeline)}
        log.warning("validation %r could not be evaluated: %s", name, why, extra=what)
    for name in anomalies.column_names:
        if name in outputs.column_names:
            # An older deploy() accepted such versions. No reader accepts a table with a duplicate name.
            message = f"the output {name!r} has the name of a validation's column: rename it in the model"
            raise Refused("StepFailed", message, "publish")
        outputs = outputs.append_column(name, anomalies[name])
    return outputs


def run_path(path: Sequence[LoadedModel], arrays: Arrays, first: Arrays | None = None) -> Arrays:
    """The last step's outputs.

    Args:
        path: the models, in order.
        arrays: the inputs of the first one.
        first: the outputs of the first one, if it has run already.
    """
    outputs = path[0].run(arrays) if first is None else first
    for model in path[1:]:
        outputs = model.run(step_inputs(outputs, model.pinned))
    return outputs


def step_inputs(outputs: Arrays, pinned: PinnedModel) -> Arrays:
    """The inputs of a later step, made from the outputs of the step before, in the declared dtypes.

    Raises:
        Refused: an input is missing, or a value does not fit its dtype.
    """
    step = f"step {pinned.model.name}"
    specs = {spec.name: spec for spec in pinned.inputs}
    try:
        wires = wire_step(tuple(outputs), tuple(specs), pinned.configuration.tensor_fields)
    except ValueError as error:
        raise Refused("MissingField", f"{step}: {error}", "infer") from error
    inputs = {}
    for name, source in wires.items():
        array, spec = outputs[source], specs[name]
        if pinned.configuration.runtime == "python" and not castable(dtype_of(array), spec.dtype):
            # deploy() refuses such a declaration. Versions that an older deploy() accepted keep their behaviour.
            inputs[name] = array
            continue
        try:
            inputs[name] = cast(array, spec.dtype, f"{step}: input {name!r}, the output {source!r} of the step before")
        except ValueError as error:
            raise Refused("WrongDtype", str(error), "infer") from error
    return inputs


def result_rows(runs: Sequence[Arrays], rows: int) -> dict[str, list[Array]]:
    """Per output one flat array per input row.

    The whole output of a run of one row, of any shape, belongs to that row. Each output of a run of many rows has an
    entry per row, which belongs to that row.

    Args:
        runs: the last step's outputs of each run.
        rows: input rows per run.
    """
    columns: dict[str, list[Array]] = {name: [] for name in runs[0]}
    for outputs in runs:
        for name, array in outputs.items():
            if rows == 1:
                columns[name].append(array.ravel())
            elif array.ndim and array.shape[0] == rows:
                # An index of ... keeps a single text an array.
                columns[name] += [array[row, ...].ravel() for row in range(rows)]
            else:
                raise Refused(
                    "WrongShape",
                    f"output {name!r} has the shape {list(array.shape)} for {rows} input rows; expected {rows} "
                    "entries, one for each: configure(outputs_per_row=False) runs each row alone",
                    "infer",
                )
    return columns


def batch_key(slip: Slip) -> tuple[str, tuple[ModelKey, ...]]:
    """Tasks can be answered together if their keys are equal: the pipeline version and the path."""
    return (slip.version, slip.path)
