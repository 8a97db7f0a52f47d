"""What one model did in one experiment: the numbers of a table's row. Pure."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Score:
    """Grows with each answer. latency: frame sent to answer published; infer: the model and the steps behind it."""

    model: str
    role: str
    topic: str
    answers: int = 0
    labels_true: int = 0
    labels_found: int = 0
    confidences: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    infer_ms: list[float] = field(default_factory=list)

    def latency_ms(self, percentile: float) -> float:
        """NaN before the first answer."""
        return _percentile(self.latencies_ms, percentile)

    @property
    def infer_ms_p50(self) -> float:
        """NaN before the first answer."""
        return _percentile(self.infer_ms, 50)

    @property
    def boxes(self) -> int:
        """How many detections it made, on a label or not."""
        return len(self.confidences)

    @property
    def mean_confidence(self) -> float:
        """Over all its detections, float64; NaN before the first."""
        return float(np.mean(self.confidences, dtype=np.float64)) if self.confidences else float("nan")

    @property
    def recall(self) -> float:
        """Share of the true labels that it found; NaN before the first."""
        return self.labels_found / self.labels_true if self.labels_true else float("nan")


def _percentile(samples: list[float], percentile: float) -> float:
    return float(np.percentile(samples, percentile)) if samples else float("nan")
