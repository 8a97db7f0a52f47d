"""What a whole comparison found, added up bucket by bucket."""

from dataclasses import dataclass, field
from typing import Any

from sparring.comparison.output_totals import BoxTotals, OutputTotals, share
from sparring.comparison.pairs import Pairs
from sparring.comparison.side_totals import Names, SideTotals


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

    def told(self) -> dict[str, Any]:
        """Everything, for people and JSON."""
        classes = self.a.classes + self.b.classes
        return {
            "pairs": self.pairs,
            "unchanged": self.unchanged,
            "not_compared": self.not_compared.told(),
            "same_status": self.same_status,
            "change_mean": share(self.change, self.pairs - self.not_compared.total()),
            "boxes": self.boxes and self.boxes.told(self.a.boxes, self.b.boxes),
            "classes": {
                str(name): {"a": self.a.classes[name], "b": self.b.classes[name], "matched": self.matched_classes[name]}
                for name, _ in sorted(classes.items(), key=lambda one: (-one[1], str(one[0])))
            },
            "outputs": {name: output.told() for name, output in self.outputs.items()},
            "a": self.a.told(),
            "b": self.b.told(),
        }
