"""Traces: spans that follow a frame from hop to hop. The one owner of OpenTelemetry.

Off unless SPARRING_TRACES names a collector; then nothing of OpenTelemetry is even imported. Sampling,
resource attributes and the exporter's headers are OpenTelemetry's own variables (OTEL_TRACES_SAMPLER,
OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPORTER_OTLP_HEADERS). A collector that is away costs spans, never frames.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from schemas.errors import SettingError

log = logging.getLogger(__name__)

Part: TypeAlias = Literal["internal", "consumer", "producer"]
"""What a span does, in OpenTelemetry's words: works, receives, sends."""

Attribute: TypeAlias = str | int | float
_PATH: Final = "/v1/traces"
_EXPECTED: Final = "expected a URL such as http://127.0.0.1:4318, or nothing; it is not shown, it may hold a password"
CLOSE_S_MAX: Final = 2.0
"""It is part of a process's time to stop."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span, or none where traces are off. traceparent: what the next hop takes as its parent (W3C)."""

    traceparent: str | None
    _span: Any = None

    def end(self, at_ns: int | None = None) -> None:
        """The span is over: now, or at this Unix time in ns."""
        if self._span is not None:
            self._span.end(at_ns)

    def failed(self, why: str) -> None:
        """Mark the span as an error."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415  # only where traces are on

            self._span.set_status(Status(StatusCode.ERROR, why))


NO_SPAN: Final = Span(None)


class Traces:
    """The tracer of one process. url: the collector, empty for none. Thread-safe."""

    def __init__(self, url: str, service: str) -> None:
        self._provider: Any = None
        if url:
            _check(url)
            self._provider = _provider(url.rstrip("/").removesuffix(_PATH) + _PATH, service)
            self._tracer = self._provider.get_tracer("sparring")
            log.info("traces go to a collector")

    @property
    def on(self) -> bool:
        """Whether anything is traced."""
        return self._provider is not None

    def start(
        self,
        name: str,
        parent: str | None,
        part: Part = "internal",
        at_ns: int | None = None,
        links: Iterable[Span] = (),
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Span:
        """Begin a span, now or at this Unix time in ns. parent: a traceparent; None or a broken one begins a trace."""
        if self._provider is None:
            return Span(parent)
        from opentelemetry import trace  # noqa: PLC0415  # only where traces are on

        span = self._tracer.start_span(
            name,
            context=_context(parent),
            kind=trace.SpanKind[part.upper()],
            start_time=at_ns,
            links=[trace.Link(link._span.get_span_context()) for link in links if link._span is not None],  # noqa: SLF001
            attributes=attributes or {},
        )
        return Span(_traceparent(span), span)

    def past(self, name: str, parent: Span, from_ns: int, to_ns: int) -> None:
        """A span that is over already. Unix times in ns."""
        if self._provider is not None:
            self.start(name, parent.traceparent, at_ns=from_ns).end(max(from_ns, to_ns))

    def close(self) -> None:
        """Send what is left, as far as the collector takes it within CLOSE_S_MAX."""
        if self._provider is not None:
            sending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
            sending.start()
            sending.join(CLOSE_S_MAX)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingError(f"SPARRING_TRACES: a host or port that is none; {_EXPECTED}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise SettingError(f"SPARRING_TRACES: its scheme is {parts.scheme!r} and its host {host!r}; {_EXPECTED}")


def _provider(url: str, service: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # as above
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # as above

    name = Resource.create({SERVICE_NAME: f"sparring-{service}"})
    # Not at exit: a process that crashes must not wait for a collector while its group waits for it.
    provider = TracerProvider(resource=name, shutdown_on_exit=False)
    # Bounded: what does not fit its queue while the collector is away is dropped.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=2)))
    return provider


def _context(parent: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  # as above

    return TraceContextTextMapPropagator().extract({} if parent is None else {"traceparent": parent})


def _traceparent(span: Any) -> str | None:
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415  # as above
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  # as above

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, set_span_in_context(span))
    return carrier.get("traceparent")
