"""What all pairs come to. It grows with nothing: sums, counts, and quantiles by a histogram."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

_STEPS_A_DECADE: Final = 200
"""Of a histogram: neighbours are 1.2 % apart, and so is a quantile from the true one."""

_DECADES: Final = 13
"""From a nanosecond to three hours."""


@dataclass(slots=True)
class Histogram:
    """Of times in nanoseconds."""

    counts: Any = field(default_factory=lambda: np.zeros(_STEPS_A_DECADE * _DECADES + 1, np.int64))

    def add(self, values: pl.Series) -> None:
        """Add these; those that are null, or not above 0, are left out."""
        some = values.drop_nulls().to_numpy()
        some = some[some > 0]
        steps = np.clip(np.rint(np.log10(some) * _STEPS_A_DECADE), 0, len(self.counts) - 1).astype(np.int64)
        self.counts += np.bincount(steps, minlength=len(self.counts))

    def quantile(self, share: float) -> float | None:
        """The time that this share is not above, within 1.2 %; None where there is none."""
        total = int(self.counts.sum())
        if total == 0:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        return float(10 ** (place / _STEPS_A_DECADE))


@dataclass(slots=True)
class Totals:
    """Of both sides. pairs: requests' rows that both answered; agreeing, deciding: pairs that agree, of those that say
    what they are; changes: pairs by their change, in tenths."""

    pairs: int = 0
    only_first: int = 0
    only_second: int = 0
    twice_first: int = 0
    twice_second: int = 0
    agreeing: int = 0
    deciding: int = 0
    change_sum: float = 0.0
    changes: list[int] = field(default_factory=lambda: [0] * 10)
    statuses_first: dict[str, int] = field(default_factory=dict)
    statuses_second: dict[str, int] = field(default_factory=dict)
    boxes_first: int = 0
    boxes_second: int = 0
    matched: int = 0
    same_class: int = 0
    iou_sum: float = 0.0
    confidence_sum: float = 0.0
    confidence_boxes: int = 0
    confidence_max: float | None = None
    difference_max: float | None = None
    infer_first: Histogram = field(default_factory=Histogram)
    infer_second: Histogram = field(default_factory=Histogram)

    def count(self, counts: dict[str, int]) -> None:
        """Add what stands on one side only, or twice."""
        for name, number in counts.items():
            setattr(self, name, getattr(self, name) + number)

    def add(self, pairs: pl.DataFrame) -> None:
        """Add these pairs."""
        self.pairs += pairs.height
        self.deciding += pairs["agrees"].count()
        self.agreeing += int(pairs["agrees"].sum() or 0)
        change = pairs["change"].to_numpy()
        self.change_sum += float(change.sum())
        tenths = np.minimum((change * 10).astype(np.int64), 9)
        self.changes = [
            one + int(more) for one, more in zip(self.changes, np.bincount(tenths, minlength=10), strict=True)
        ]
        for side, statuses in (("first", self.statuses_first), ("second", self.statuses_second)):
            for status, number in pairs[f"status_{side}"].value_counts().iter_rows():
                statuses[status] = statuses.get(status, 0) + number
        self._add_boxes(pairs)
        self.difference_max = _most(self.difference_max, pairs["difference_max"].max())
        self.infer_first.add(pairs["infer_ns_first"])
        self.infer_second.add(pairs["infer_ns_second"])

    def _add_boxes(self, pairs: pl.DataFrame) -> None:
        for name in ("boxes_first", "boxes_second", "matched", "same_class"):
            setattr(self, name, getattr(self, name) + int(pairs[name].sum() or 0))
        self.iou_sum += float((pairs["iou_mean"] * pairs["matched"]).sum() or 0.0)
        sure = pairs.filter(pl.col("confidence_difference_mean").is_not_null())
        self.confidence_sum += float((sure["confidence_difference_mean"] * sure["matched"]).sum() or 0.0)
        self.confidence_boxes += int(sure["matched"].sum() or 0)
        self.confidence_max = _most(self.confidence_max, pairs["confidence_difference_max"].max())

    def facts(self) -> dict[str, Any]:
        """Everything as numbers, for tables and programs. Shares from 0 to 1, milliseconds."""
        boxes = self.boxes_first + self.boxes_second - self.matched
        return {
            "pairs": self.pairs,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "twice_first": self.twice_first,
            "twice_second": self.twice_second,
            "statuses_first": self.statuses_first,
            "statuses_second": self.statuses_second,
            "agreement": _share(self.agreeing, self.deciding),
            "change_mean": _share(self.change_sum, self.pairs),
            "changes": self.changes,
            "boxes_first": self.boxes_first,
            "boxes_second": self.boxes_second,
            "matched": self.matched,
            "matched_share": _share(self.matched, boxes),
            "same_class": self.same_class,
            "iou_mean": _share(self.iou_sum, self.matched),
            "confidence_difference_mean": _share(self.confidence_sum, self.confidence_boxes),
            "confidence_difference_max": self.confidence_max,
            "difference_max": self.difference_max,
            **{
                f"infer_ms_p{int(share * 100)}_{side}": _ms(histogram.quantile(share))
                for side, histogram in (("first", self.infer_first), ("second", self.infer_second))
                for share in (0.5, 0.95)
            },
        }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _most(one: float | None, other: Any) -> float | None:
    known = [float(value) for value in (one, other) if value is not None]
    return max(known) if known else None


def _ms(time_ns: float | None) -> float | None:
    return None if time_ns is None else time_ns / 1e6
