"""How a row of the code's tables stands in a page."""

from schemas.metrics import Metric


def metric_row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
    return (
        f"| `{metric.name}` | {metric.kind}, {metric.unit} | {labels} | {', '.join(_process(p) for p in metric.of)} "
        f"| {metric.meaning} | {metric.when_it_rises} |"
    )


def _process(kind: str) -> str:
    return "model process" if kind == "inference" else kind
