"""Metrics, by the table in `schemas.metrics`. The one owner of prometheus-client."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from schemas.metrics import METRICS, Metric
from schemas.presence import ProcessKind


class Meter:
    """The metrics of one process. Thread-safe, as prometheus-client is."""

    def __init__(self, kind: ProcessKind) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._cells: dict[tuple[str, ...], Any] = {}
        self._series: dict[str, Any] = {m.name: _series(m, self._registry) for m in METRICS if kind in m.of}

    def add(self, metric: Metric, amount: float = 1.0, **labels: str) -> None:
        """Count up."""
        self._cell(metric, labels).inc(amount)

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """What a gauge shows from now on."""
        self._cell(metric, labels).set(value)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """One more value of a histogram."""
        self._cell(metric, labels).observe(value)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All of it as text, and the content type: OpenMetrics where `accept` takes it, else Prometheus' own."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _cell(self, metric: Metric, labels: dict[str, str]) -> Any:
        if not labels:
            return self._series[metric.name]
        # prometheus-client's own look-up takes three times as long.
        place = (metric.name, *labels.values())
        cell = self._cells.get(place)
        if cell is None:
            cell = self._cells[place] = self._series[metric.name].labels(**labels)
        return cell


def _series(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match metric.kind:
        case "counter":
            return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
        case "gauge":
            return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
        case "histogram":
            return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.bounds)
