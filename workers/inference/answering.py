"""A task becomes an answer: decode, run every step of its path, encode. No Kafka here.

Requests that may share a run of the first step (`batch_rows_max`) are answered together; a batch
that fails is run again one by one, so that a bad request refuses nobody but itself.

Rows share a run, of one request or of several, only where each output is known to have an entry per row, by the
model's file or its configuration, and where a probe found no row that depends on another. Else each row has a run of
its own through the whole path, and its answer is all that this run gives.
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
from schemas.results import SMALLER_ANSWERS, Timings, answer_of_slip, failure_value, why_expired
from schemas.tables.casting import Array, cast
from schemas.tables.fitting import Arrays
from schemas.tables.read import encode_table, output_columns, read_table
from schemas.tasks import Slip
from schemas.wiring import castable, dtype_of, wire_step
from workers.inference.in_flight import Finished, Ticket
from workers.inference.request_inputs import RequestInputs, request_inputs
from workers.inference.shed_policy import ShedPolicy
from workers.inference.steps import LoadedModel
from workers.inference.version_cache import LoadedVersion

if TYPE_CHECKING:
    from adapters.rules import Rules

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Work:
    """One request on its way through its path."""

    ticket: Ticket
    inputs: RequestInputs
    queued_ns: int
    decode_ns: int


@dataclass(frozen=True, slots=True)
class RowTime:
    """What the rows of one request may take that run one by one. again: called before each run but the first."""

    request_s_max: float = RUN_MS_MAX / 1000
    again: Callable[[], None] = lambda: None


def answer_together(
    tickets: Sequence[Ticket],
    loaded: LoadedVersion,
    lane: Lane,
    shed_policy: ShedPolicy,
    row_time: RowTime = RowTime(),
) -> list[Finished]:
    """One answer per ticket, in their order. All are of one pipeline version and one path."""
    finished: dict[int, Finished] = {}
    works: list[_Work] = []
    path = [loaded.models[key] for key in tickets[0].slip.path]
    for ticket in tickets:
        ended = stale(ticket, lane, shed_policy)
        try:
            if ended is None:
                works.append(_decoded(ticket, path))
            else:
                finished[id(ticket)] = ended
        except Refused as refusal:
            finished[id(ticket)] = refused(ticket, refusal, _timings(ticket))
    together = len(works) > 1 and batch_rows_max(loaded, tickets[0].slip) > 1
    for group in _groups(works, together=together):
        for work, done in zip(group, _run_group(group, path, loaded.rules, row_time), strict=True):
            finished[id(work.ticket)] = done
            row_time.again()
    return [finished[id(ticket)] for ticket in tickets]


def refused(ticket: Ticket, refusal: Refused, timings: Timings) -> Finished:
    """An error answer; an official one also leaves a dead letter."""
    value = failure_value(refusal.error, refusal.message, refusal.stage)
    answer = answer_of_slip(ticket.content, ticket.slip, "error", value, now_ms(), timings)
    return Finished(answer, refusal if answer.official else None)


def batch_rows_max(loaded: LoadedVersion, slip: Slip) -> int:
    """Rows of several requests that may share a run: 1 unless the first model is configured to, its batch
    dimension is free, and its rows may share one."""
    first = loaded.models[slip.path[0]]
    rows_max = first.pinned.configuration.batch_rows_max
    free = all(spec.shape is not None and spec.shape[:1] == (None,) for spec in first.pinned.inputs)
    return rows_max if rows_max > 1 and free and first.pinned.stacks(rows_max) and first.independent else 1


def stale(ticket: Ticket, lane: Lane, shed_policy: ShedPolicy) -> Finished | None:
    """The answer of a task that is not run: its frame has expired, or the shadow task is too old."""
    now = now_ms()
    deadline = ticket.slip.deadline
    if deadline is not None and deadline < now:
        why = why_expired(ticket.frame, deadline, "its turn came")
        value = failure_value("Expired", why, "decode")
        return Finished(answer_of_slip(ticket.content, ticket.slip, "expired", value, now, _timings(ticket)))
    # The task's age, by the router's clock: a camera's may be years away.
    age_ms = now - ticket.record.timestamp
    if lane == "shadow" and (ended := shed_policy.reason_to_shed(ticket.slip.request_id, age_ms)) is not None:
        value = failure_value("Shed", ended, "decode")
        return Finished(answer_of_slip(ticket.content, ticket.slip, "shed", value, now, _timings(ticket)))
    return None


def _decoded(ticket: Ticket, path: Sequence[LoadedModel]) -> _Work:
    queued_ns = _timings(ticket).queued_ns
    started_ns = time.perf_counter_ns() - ticket.fetch_ns

    def stacks(rows: int) -> bool:
        return all(model.pinned.stacks(rows) and model.independent for model in path)

    inputs = request_inputs(ticket.content, path[0].pinned, stacks)
    return _Work(ticket, inputs, queued_ns, time.perf_counter_ns() - started_ns)


def _timings(ticket: Ticket) -> Timings:
    """Queued until now. The frame's clock is its producer's: it may be ahead of ours."""
    return Timings(queued_ns=max(0, time.time_ns() - ticket.fetch_ns - ticket.slip.produced_at * 1_000_000))


def _groups(works: list[_Work], *, together: bool) -> list[list[_Work]]:
    """Works that fit into one run of the first step: the same trailing shapes and dtypes."""
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
        started_ns = time.perf_counter_ns()
        try:
            firsts = _run_first_together(works, path[0])
            infer_ns = time.perf_counter_ns() - started_ns
        except Refused:
            # One of them, or their being together, is the reason: alone each shows its own.
            log.debug("%d requests that share a run are run one by one", len(works), exc_info=True)
    for work, first in zip(works, firsts, strict=True):
        yield _run_alone(work, path, rules, row_time, first, infer_ns)


def _run_first_together(works: list[_Work], first: LoadedModel) -> list[Arrays]:
    """The first step's outputs per request, of one run over the rows of all."""
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
    """The whole path for one request, or the steps after the first where that has run already."""
    started_ns = time.perf_counter_ns()

    def timings() -> Timings:
        return Timings(work.queued_ns, work.decode_ns, infer_ns + time.perf_counter_ns() - started_ns)

    try:
        value = _encoded(work, _runs(work, path, row_time, first), rules)
    except Refused as refusal:
        return refused(work.ticket, refusal, timings())
    ticket = work.ticket
    return Finished(answer_of_slip(ticket.content, ticket.slip, "ok", value, now_ms(), timings()))


def _runs(work: _Work, path: list[LoadedModel], row_time: RowTime, first: Arrays | None) -> list[Arrays]:
    """The last step's outputs of each run."""
    started_s, done = time.monotonic(), []
    for index, arrays in enumerate(work.inputs.runs):
        took_s = time.monotonic() - started_s
        if index and took_s > row_time.request_s_max:
            raise Refused(
                "StepFailed",
                f"{index} of {len(work.inputs.runs)} rows, which run one by one, took {took_s:.0f} s; expected all "
                f"within {row_time.request_s_max:g} s: send fewer rows in one request, or configure(outputs_per_row="
                "True) where each row has its own entry in every output",
                "infer",
            )
        if index:
            row_time.again()
        done.append(run_path(path, arrays, first))
    return done


def _encoded(work: _Work, runs: Sequence[Arrays], rules: "Rules | None") -> bytes:
    rows = result_rows(runs, work.inputs.rows)
    try:
        table = output_columns(rows) if rules is None else _with_anomalies(rows, work.ticket, rules)
        value = encode_table(table)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise Refused("StepFailed", f"the outputs cannot be written as Arrow: {error}", "publish") from error
    if len(value) > RESULT_BYTES_MAX:
        outputs = ", ".join(f"{name} {one.dtype} {list(one.shape)}" for name, one in runs[0].items())
        message = (
            f"the answer has {len(value)} bytes; expected at most {RESULT_BYTES_MAX}: {SMALLER_ANSWERS}, and so do "
            f"fewer rows in one request; it holds {outputs}{f', {len(runs)} times' if len(runs) > 1 else ''}"
        )
        raise Refused("AnswerTooLarge", message, "publish")
    return value


def _with_anomalies(rows: dict[str, list[Array]], ticket: Ticket, rules: "Rules") -> pa.Table:
    """The outputs, and beside them what the pipeline's validations say of each row."""
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
            # Of a version that an older deploy() took: no reader takes a table that has a name twice.
            message = f"the output {name!r} has the name of a validation's column: rename it in the model"
            raise Refused("StepFailed", message, "publish")
        outputs = outputs.append_column(name, anomalies[name])
    return outputs


def run_path(path: Sequence[LoadedModel], arrays: Arrays, first: Arrays | None = None) -> Arrays:
    """The last step's outputs. first: the first step's outputs, where it has run already."""
    outputs = path[0].run(arrays) if first is None else first
    for model in path[1:]:
        outputs = model.run(step_inputs(outputs, model.pinned))
    return outputs


def step_inputs(outputs: Arrays, pinned: PinnedModel) -> Arrays:
    """The inputs of a later step, of what the one before gave, in the dtypes that it declares. Refused where one is
    missing, or a value does not fit."""
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
            # deploy() refuses such a declaration; versions that an older one took go on as they did.
            inputs[name] = array
            continue
        try:
            inputs[name] = cast(array, spec.dtype, f"{step}: input {name!r}, the output {source!r} of the step before")
        except ValueError as error:
            raise Refused("WrongDtype", str(error), "infer") from error
    return inputs


def result_rows(runs: Sequence[Arrays], rows: int) -> dict[str, list[Array]]:
    """Per output one flat array per input row: a run of one row gives its whole output, however
    shaped, to that row; a run of many, whose outputs have an entry per row, gives each its own."""
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


def path_of(slip: Slip) -> tuple[str, tuple[ModelKey, ...]]:
    """What tickets must share to be answered together."""
    return (slip.version, slip.path)
