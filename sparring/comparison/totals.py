"""Totals of a comparison, added up bucket by bucket: each side's, those of boxes, those of other outputs.

Percentiles of durations come from a sketch of a few kilobytes, a histogram whose steps grow by one percent: DDSketch
(Masson, Rim, Lee: DDSketch, VLDB 2019).
"""

import math
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any, Final

import numpy as np
import polars as pl

from sparring.comparison.boxes import Ints
from sparring.comparison.detections import Detections, unclassified
from sparring.comparison.pairs import Pairs
from sparring.comparison.side import OUT

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

    def to_dict(self) -> dict[str, float | None]:
        """p50 and p95, to four digits."""
        found = {f"p{percent}": self.percentile(percent) for percent in (50, 95)}
        return {name: None if ms is None else float(f"{ms:.4g}") for name, ms in found.items()}


LISTED_MAX: Final = 100
"""Subjects of one side alone that are named: the first in their order."""

NAMES_MAX: Final = 1_000
"""Statuses, errors, models and classes that are counted by name; the rest together as `(others)`."""

OTHERS: Final = "(others)"


class Names(Counter[Hashable]):
    """Counts by name, of NAMES_MAX names."""

    def count(self, column: pl.Series) -> None:
        """Each value that is not null."""
        for name, number in column.drop_nulls().value_counts(sort=True).iter_rows():
            self[name if name in self or len(self) < NAMES_MAX else OTHERS] += number

    def to_dict(self) -> dict[str, int]:
        """The most frequent first."""
        return {str(name): number for name, number in sorted(self.items(), key=lambda one: (-one[1], str(one[0])))}


@dataclass
class SideTotals:
    """One side. answers: those that were kept. subjects_only, rows_only: what the other side lacks, whole subjects or
    rows of a subject that both have."""

    rows: int = 0
    answers: int = 0
    duplicates: int = 0
    challengers: int = 0
    subjects_only: int = 0
    rows_only: int = 0
    listed: list[str] = field(default_factory=list)
    models: Names = field(default_factory=Names)
    statuses: Names = field(default_factory=Names)
    errors: Names = field(default_factory=Names)
    boxes: int = 0
    classes: Names = field(default_factory=Names)
    malformed: int = 0
    boxes_left_out: int = 0
    infer_ms: Spread = field(default_factory=Spread)
    total_ms: Spread = field(default_factory=Spread)

    def add(self, answers: pl.DataFrame, lone: pl.DataFrame, paired: pl.DataFrame, rows: int) -> None:
        """answers: one bucket's, as `kept` returns them; lone, paired: those of them without and with a partner."""
        self.rows += rows
        self.answers += answers.height
        self.duplicates += int(answers["duplicates"].sum())
        self.challengers += int(answers["challengers"].sum())
        for names, column in ((self.models, "model"), (self.statuses, "status"), (self.errors, "error")):
            names.count(answers[column])
        lone_subjects = lone.filter(~pl.col("subject").is_in(paired["subject"].implode(), nulls_equal=True))[
            "subject"
        ].unique()
        self.subjects_only += len(lone_subjects)
        self.rows_only += lone.height
        self.listed = nsmallest(LISTED_MAX, [*self.listed, *lone_subjects.drop_nulls().bottom_k(LISTED_MAX)])

    def add_pairs(self, infer_ms: pl.Series, total_ms: pl.Series, found: Detections | None) -> None:
        """One bucket's pairs: durations, and boxes where they were compared."""
        self.infer_ms.add(infer_ms)
        self.total_ms.add(total_ms)
        if found is not None:
            self.boxes += len(found.boxes.classes)
            self.boxes_left_out += found.boxes.left_out
            self.malformed += int(found.malformed.sum())
            self.classes.count(found.names)

    def to_dict(self) -> dict[str, Any]:
        """For people and JSON."""
        return {
            "rows": self.rows,
            "answers": self.answers,
            "duplicates": self.duplicates,
            "challengers": self.challengers,
            "subjects_only": self.subjects_only,
            "rows_only": self.rows_only,
            "models": self.models.to_dict(),
            "statuses": self.statuses.to_dict(),
            "errors": self.errors.to_dict(),
            "malformed_boxes": self.malformed,
            "boxes_left_out": self.boxes_left_out,
            "infer_ms": self.infer_ms.to_dict(),
            "total_ms": self.total_ms.to_dict(),
            "listed": self.listed,
        }


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

    def to_dict(self) -> dict[str, Any]:
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

    def to_dict(self, boxes_a: int, boxes_b: int) -> dict[str, Any]:
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


@dataclass
class Totals:
    """Both sides, and their pairs. unchanged: pairs whose change is 0; not_compared: those whose
    change is unknown, by why; change: the sum of all others' change."""

    a: SideTotals = field(default_factory=SideTotals)
    b: SideTotals = field(default_factory=SideTotals)
    boxes: BoxTotals | None = None
    matched_classes: Names = field(default_factory=Names)
    outputs: dict[str, OutputTotals] = field(default_factory=dict)
    pairs: int = 0
    unchanged: int = 0
    same_status: int = 0
    not_compared: Names = field(default_factory=Names)
    change: float = 0.0

    def add(self, found: Pairs) -> None:
        """One bucket's pairs; `SideTotals.add` is for each side."""
        table = found.table
        self.pairs += table.height
        self.unchanged += int((table["change"] == 0).sum())
        self.change += float(table["change"].sum())
        self.same_status += int(table["status_a"].eq_missing(table["status_b"]).sum())
        if "not_compared" in table.columns:
            self.not_compared.count(table["not_compared"])
        for name, output in self.outputs.items():
            output.add(table, name)
        self.a.add_pairs(table["infer_ms_a"], table["total_ms_a"], found.a)
        self.b.add_pairs(table["infer_ms_b"], table["total_ms_b"], found.b)
        if self.boxes is not None and found.a is not None and found.b is not None and found.matches is not None:
            self.boxes.add(found)
            named = found.a.names.gather(found.matches.a)
            self.matched_classes.count(named.fill_null(found.b.names.gather(found.matches.b)))

    def to_dict(self) -> dict[str, Any]:
        """Everything, for people and JSON."""
        classes = self.a.classes + self.b.classes
        return {
            "pairs": self.pairs,
            "unchanged": self.unchanged,
            "not_compared": self.not_compared.to_dict(),
            "same_status": self.same_status,
            "change_mean": share(self.change, self.pairs - self.not_compared.total()),
            "boxes": self.boxes and self.boxes.to_dict(self.a.boxes, self.b.boxes),
            "classes": {
                str(name): {"a": self.a.classes[name], "b": self.b.classes[name], "matched": self.matched_classes[name]}
                for name, _ in sorted(classes.items(), key=lambda one: (-one[1], str(one[0])))
            },
            "outputs": {name: output.to_dict() for name, output in self.outputs.items()},
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
        }
