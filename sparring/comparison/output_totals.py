"""What all pairs are together in boxes and in other outputs, added up bucket by bucket."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from sparring.comparison.detections import unclassified
from sparring.comparison.pairs import Pairs
from sparring.comparison.side import OUT


@dataclass
class OutputTotals:
    """One output without boxes. judged, agree: pairs where there is an agreement to speak of, and where they agree.
    measured: pairs with as many numbers on both sides; abs_sum, abs_max: their largest differences."""

    judged: int = 0
    agree: int = 0
    measured: int = 0
    abs_sum: float = 0.0
    abs_max: float = 0.0

    def add(self, table: pl.DataFrame, name: str) -> None:
        """One bucket's pairs."""
        agree, apart = table[f"{OUT}{name}.agree"].drop_nulls(), table[f"{OUT}{name}.abs_max"].drop_nulls()
        self.judged += len(agree)
        self.agree += int(agree.sum())
        self.measured += len(apart)
        self.abs_sum += float(apart.sum())
        self.abs_max = max(self.abs_max, float(np.max(apart.to_numpy(), initial=0)))

    def told(self) -> dict[str, Any]:
        """For people and JSON."""
        return {
            "judged": self.judged,
            "measured": self.measured,
            "agree": self.agree,
            "agreement": share(self.agree, self.judged),
            "abs_mean": share(self.abs_sum, self.measured),
            "abs_max": self.abs_max if self.measured else None,
        }


@dataclass
class BoxTotals:
    """All boxes of all pairs; confidences: matched boxes that have one on both sides. unclassified_a, unclassified_b:
    pairs in which this side's boxes have no classes; unclassified: either side's, so that there is no agreement."""

    matched: int = 0
    same_class: int = 0
    classes_shared: int = 0
    classes_larger: int = 0
    pairs: int = 0
    pairs_same_classes: int = 0
    unclassified: int = 0
    unclassified_a: int = 0
    unclassified_b: int = 0
    confidences: int = 0
    apart_sum: float = 0.0
    abs_sum: float = 0.0
    abs_max: float = 0.0

    def add(self, found: Pairs) -> None:
        """One bucket's pairs."""
        if found.a is None or found.b is None or found.matches is None:
            return
        a, b, matches = found.a.boxes, found.b.boxes, found.matches
        self.matched += len(matches.a)
        self.same_class += int(found.table["matched_same_class"].sum())
        self.pairs += int((found.a.given | found.b.given).sum())
        lacking_a, lacking_b = unclassified(found.a, found.b)
        self.unclassified += int((lacking_a | lacking_b).sum())
        self.unclassified_a += int(lacking_a.sum())
        self.unclassified_b += int(lacking_b.sum())
        judged = found.table["classes_shared"].is_not_null().to_numpy()
        shared = found.table["classes_shared"].to_numpy()[judged]
        larger = np.maximum(a.counts, b.counts)[judged]
        self.pairs_same_classes += int((shared == larger).sum())
        self.classes_shared += int(shared.sum())
        self.classes_larger += int(larger.sum())
        apart = b.confidences[matches.b] - a.confidences[matches.a]
        apart = apart[~np.isnan(apart)]
        self.confidences += len(apart)
        self.apart_sum += float(apart.sum())
        self.abs_sum += float(np.abs(apart).sum())
        self.abs_max = max(self.abs_max, float(np.max(np.abs(apart), initial=0)))

    def told(self, boxes_a: int, boxes_b: int) -> dict[str, Any]:
        """For people and JSON."""
        return {
            "pairs": self.pairs,
            "a": boxes_a,
            "b": boxes_b,
            "matched": self.matched,
            "matched_same_class": self.same_class,
            "only_a": boxes_a - self.matched,
            "only_b": boxes_b - self.matched,
            "matched_of_all": share(self.matched, boxes_a + boxes_b - self.matched),
            "classes_agreement": share(self.classes_shared, self.classes_larger),
            "pairs_same_classes": self.pairs_same_classes,
            "unclassified": self.unclassified,
            "unclassified_a": self.unclassified_a,
            "unclassified_b": self.unclassified_b,
            "confidence_mean": share(self.apart_sum, self.confidences),
            "confidence_abs_mean": share(self.abs_sum, self.confidences),
            "confidence_abs_max": self.abs_max if self.confidences else None,
        }


def share(part: float, whole: float) -> float | None:
    """None where there is nothing to share."""
    return part / whole if whole else None
