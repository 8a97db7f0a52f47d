"""Percentiles of any number of durations in a few kilobytes: a histogram whose steps grow by one percent."""

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from sparring.comparison.boxes import Ints

_STEP: Final = math.log(1.01)
_STEPS: Final = 4_096
_LEAST_MS: Final = 1e-6
"""A nanosecond; 1.01 to the 4,096th of it is above ten years."""


@dataclass
class Spread:
    """Durations in milliseconds; a percentile is at most half a percent beside one that was added."""

    counts: Ints = field(default_factory=lambda: np.zeros(_STEPS, np.int64))

    def add(self, durations_ms: pl.Series) -> None:
        """Nulls are left out; what is not above a nanosecond counts as one."""
        found = np.maximum(durations_ms.drop_nulls().to_numpy(), _LEAST_MS)
        steps = np.minimum(np.log(found / _LEAST_MS) / _STEP, _STEPS - 1).astype(np.int64)
        self.counts += np.bincount(steps, minlength=_STEPS)

    def percentile(self, percent: float) -> float | None:
        """Milliseconds below which that many lie (nearest rank); None where nothing was added."""
        whole = int(self.counts.sum())
        if not whole:
            return None
        rank = max(1, math.ceil(percent / 100 * whole))
        step = int(np.searchsorted(np.cumsum(self.counts), rank))
        return float(_LEAST_MS * math.exp((step + 0.5) * _STEP)) if step else 0.0

    def told(self) -> dict[str, float | None]:
        """p50 and p95, to four digits."""
        found = {f"p{percent}": self.percentile(percent) for percent in (50, 95)}
        return {name: None if ms is None else float(f"{ms:.4g}") for name, ms in found.items()}
