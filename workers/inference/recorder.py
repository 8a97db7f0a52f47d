"""Metrics of a model process, and its spans if tracing is on.

A ticket's span lasts from its task's record to its answer. The spans queue, decode and infer lie within it; the span
publish follows and lasts until the delivery report. Their times come from the answer's own timings, so that nothing
is measured twice.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from adapters.meter import Meter
from adapters.settings import InferenceSettings
from adapters.traces import NO_SPAN, Span, Traces
from schemas.limits import BEAT_S
from schemas.metrics import (
    ANSWERS,
    BATCH_REQUESTS,
    DECODE_SECONDS,
    IN_FLIGHT,
    INFER_SECONDS,
    LAG,
    QUEUED_SECONDS,
    REFUSED,
    SHED,
)
from schemas.names import Lane, ModelKey
from workers.inference.in_flight import Finished, Ticket

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1e9


class Recorder:
    """One per model process. Thread-safe; only the main thread calls `backlog`."""

    def __init__(self, settings: InferenceSettings, meter: Meter, model: ModelKey, lane: Lane) -> None:
        self._meter = meter
        self._traces = Traces(settings.traces, "inference")
        self._labels = {"model": str(model), "lane": lane}
        self._set_at_s = float("-inf")

    def backlog(self, lag: Callable[[], int], running: int) -> None:
        """Set the gauges, once per heartbeat interval. lag: records not read yet. running: tasks without an answer."""
        if time.monotonic() - self._set_at_s > BEAT_S:
            self._set_at_s = time.monotonic()
            self._meter.set(LAG, lag())
            self._meter.set(IN_FLIGHT, running, **self._labels)

    def started(self, tickets: Sequence[Ticket]) -> None:
        """These tickets start now, in one run if they can share one."""
        self._meter.observe(BATCH_REQUESTS, len(tickets), **self._labels)
        for ticket in tickets:
            ticket.started_at_ns = time.time_ns()
            # From the task's record, whose time is the router's: a camera's clock may be years off.
            queued_ns = max(0, ticket.started_at_ns - ticket.record.timestamp * _NS_PER_MS)
            self._meter.observe(QUEUED_SECONDS, queued_ns / _NS_PER_S, **self._labels)
            ticket.span = self._start_span(ticket)

    @contextmanager
    def batch(self, tickets: Sequence[Ticket]) -> Iterator[None]:
        """Around a run. Several requests share a span of their own, with links to their spans."""
        if len(tickets) == 1 or not self._traces.on:
            yield
            return
        what = self._labels | {"requests": str(len(tickets))}
        together = self._traces.start("batch", None, links=[t.span for t in tickets], attributes=what)
        try:
            yield
        finally:
            together.end()

    def answered(self, ticket: Ticket, finished: Finished) -> Span:
        """Count a ticket's answer. Returns the span of its publication, which ends with the delivery report."""
        answer, timings = finished.answer, finished.answer.timings
        self._meter.add(ANSWERS, 1, pipeline=answer.pipeline, status=answer.status, **self._labels)
        if finished.refusal is not None:
            self._meter.add(REFUSED, error=finished.refusal.error)
        if answer.status == "shed":
            self._meter.add(SHED, model=self._labels["model"])
        if answer.status == "ok":
            self._meter.observe(DECODE_SECONDS, timings.decode_ns / _NS_PER_S, **self._labels)
            self._meter.observe(INFER_SECONDS, timings.infer_ns / _NS_PER_S, **self._labels)
        return self._publish_span(ticket, finished) if self._traces.on else Span(answer.traceparent)

    def close(self) -> None:
        """Send the remaining spans."""
        self._traces.close()

    def _start_span(self, ticket: Ticket) -> Span:
        if not self._traces.on:
            return NO_SPAN
        slip = ticket.slip
        what = {
            **self._labels,
            "request_id": slip.request_id,
            "pipeline": str(slip.pipeline),
            "pipeline_version": slip.version,
            "role": slip.role,
        }
        parent = slip.traceparent or ticket.frame.traceparent
        return self._traces.start("answer", parent, "consumer", ticket.record.timestamp * _NS_PER_MS, attributes=what)

    def _publish_span(self, ticket: Ticket, finished: Finished) -> Span:
        if ticket.span is NO_SPAN:
            ticket.span = self._start_span(ticket)
        answer, timings, span = finished.answer, finished.answer.timings, ticket.span
        started_at_ns = ticket.started_at_ns or time.time_ns()
        self._traces.past("queue", span, ticket.record.timestamp * _NS_PER_MS, started_at_ns)
        if timings.decode_ns:
            self._traces.past("decode", span, started_at_ns, started_at_ns + timings.decode_ns)
        if timings.infer_ns:
            # In a batch other requests are decoded before the run: the run ends when the answer is made.
            from_ns = max(started_at_ns + timings.decode_ns, answer.published_at * _NS_PER_MS - timings.infer_ns)
            self._traces.past("infer", span, from_ns, from_ns + timings.infer_ns)
        if answer.status != "ok":
            span.failed(answer.failure().error)
        span.end()
        return self._traces.start("publish", span.traceparent, "producer")
