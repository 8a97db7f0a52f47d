"""What one side of a comparison is, added up bucket by bucket."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any, Final

import polars as pl

from sparring.comparison.detections import Detections
from sparring.comparison.spread import Spread

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

    def told(self) -> dict[str, int]:
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

    def told(self) -> dict[str, Any]:
        """For people and JSON."""
        return {
            "rows": self.rows,
            "answers": self.answers,
            "duplicates": self.duplicates,
            "challengers": self.challengers,
            "subjects_only": self.subjects_only,
            "rows_only": self.rows_only,
            "models": self.models.told(),
            "statuses": self.statuses.told(),
            "errors": self.errors.told(),
            "malformed_boxes": self.malformed,
            "boxes_left_out": self.boxes_left_out,
            "infer_ms": self.infer_ms.told(),
            "total_ms": self.total_ms.told(),
            "listed": self.listed,
        }
