"""One piece of both sides: every request's two answers compared. Pure.

Where both sides have boxes, they are matched (see `boxes`); every other output that both have is compared as it is:
numbers by their largest difference, and by where the largest stands (a class's score, a label of one hot); whole
numbers and text by being the same.

`change` says how much a pair differs, from 0.0, the same, to 1.0, nothing in common:

- with boxes: 1 - (sum of 1 - |confidence difference| over the matched) / (matched + only first + only second)
- without: 1.0 where an output that says what it is (whole numbers, text, the place of the largest) is another; else the
  largest difference of a number, at most 1.0
- 1.0 where one answer is an error and the other is none
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sparring.compare.boxes import Boxes, Floats, match

Bools = npt.NDArray[np.bool_]

PAIR: Final = {
    "subject": pl.String,
    "row": pl.Int32,
    "change": pl.Float64,
    "status_first": pl.String,
    "status_second": pl.String,
    "model_first": pl.String,
    "model_second": pl.String,
    "boxes_first": pl.Int32,
    "boxes_second": pl.Int32,
    "matched": pl.Int32,
    "iou_mean": pl.Float64,
    "confidence_difference_mean": pl.Float64,
    "confidence_difference_max": pl.Float64,
    "same_class": pl.Int32,
    "agrees": pl.Boolean,
    "difference_max": pl.Float64,
    "infer_ns_first": pl.Int64,
    "infer_ns_second": pl.Int64,
}
"""The columns of the dataset of pairs. matched: boxes; same_class: of the matched; agrees: whether everything that says
what it is, is the same, null where there is nothing of that kind; difference_max: of numbers without boxes."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How answers are compared.

    iou_min: of matched boxes. any_class: match boxes of different classes. confidence_min: boxes below are left out.
    boxes, classes, confidences: what the outputs are called. box_format: `xyxy` corners, or `xywh` a corner and sizes.
    """

    iou_min: float = 0.5
    any_class: bool = False
    confidence_min: float = 0.0
    boxes: str = "boxes"
    classes: str = "classes"
    confidences: str = "confidences"
    box_format: str = "xyxy"

    def __post_init__(self) -> None:
        if not 0.0 < self.iou_min <= 1.0:
            raise ValueError(f"iou: {self.iou_min}; expected above 0, at most 1")
        if not 0.0 <= self.confidence_min <= 1.0:
            raise ValueError(f"confidence_min: {self.confidence_min}; expected 0 to 1")
        if self.box_format not in {"xyxy", "xywh"}:
            raise ValueError(f"box_format: {self.box_format!r}; expected 'xyxy' or 'xywh'")


def joined(first: pl.DataFrame, second: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Both sides' rows of each request beside each other, and how many stand on one side only, or twice.

    The second side's columns end in `_second`. Of several rows of one request, the earliest published counts.
    """
    counts = {}
    kept = []
    for name, side in (("first", first), ("second", second)):
        if side.is_empty():
            kept.append(side)
            counts[f"twice_{name}"] = 0
            continue
        once = side.sort("published_at", nulls_last=True).unique(["subject", "row"], keep="first", maintain_order=True)
        counts[f"twice_{name}"] = side.height - once.height
        kept.append(once)
    if kept[0].is_empty() or kept[1].is_empty():
        counts |= {"only_first": kept[0].height, "only_second": kept[1].height}
        return pl.DataFrame(), counts
    both = kept[0].join(kept[1], on=["subject", "row"], how="inner", suffix="_second")
    counts |= {"only_first": kept[0].height - both.height, "only_second": kept[1].height - both.height}
    return both, counts


def compared(both: pl.DataFrame, outputs: Mapping[str, Any], rules: Rules) -> pl.DataFrame:
    """A row of `PAIR` for each row of `both`, in its order. outputs: those that both sides have, with their types."""
    count = both.height
    columns: dict[str, Any] = {
        "subject": both["subject"],
        "row": both["row"],
        "status_first": both["status"],
        "status_second": both["status_second"],
        "model_first": both["model"],
        "model_second": both["model_second"],
        "infer_ns_first": both["infer_ns"],
        "infer_ns_second": both["infer_ns_second"],
    }
    with_boxes = rules.boxes in outputs
    if with_boxes:
        found, change = _boxes_compared(both, rules)
        columns |= found
        left = {name for name in outputs if name not in {rules.boxes, rules.classes, rules.confidences}}
    else:
        change = np.zeros(count)
        left = set(outputs)
    agrees, said, difference = _others_compared(both, {name: outputs[name] for name in sorted(left)})
    if with_boxes:
        same = columns["same_class"] == np.maximum(columns["boxes_first"], columns["boxes_second"])
        agrees, said = np.where(said, agrees & same, same), np.ones(count, bool)
    else:
        change = np.where(said & ~agrees, 1.0, np.minimum(np.nan_to_num(difference), 1.0))
    ok = [(both[name] == "ok").to_numpy() for name in ("status", "status_second")]
    change = np.where(ok[0] != ok[1], 1.0, np.where(ok[0], change, 0.0))
    usable = ok[0] & ok[1]
    columns["change"] = change
    columns["agrees"] = pl.Series(agrees).set(pl.Series(~(said & usable)), None)
    columns["difference_max"] = pl.Series(difference).fill_nan(None)
    return pl.DataFrame({name: _column(columns.get(name), kind, count) for name, kind in PAIR.items()})


def boxes_of(both: pl.DataFrame, row: int, rules: Rules, suffix: str) -> Boxes:
    """The boxes of one answer; suffix: empty for the first side, `_second` for the second."""
    (boxes,) = _each_boxes(both.slice(row, 1), rules, suffix)
    return boxes


def _boxes_compared(both: pl.DataFrame, rules: Rules) -> tuple[dict[str, Any], Floats]:
    count = both.height
    found = {name: np.zeros(count, np.int32) for name in ("boxes_first", "boxes_second", "matched", "same_class")}
    means = {
        name: np.full(count, np.nan) for name in ("iou_mean", "confidence_difference_mean", "confidence_difference_max")
    }
    change = np.zeros(count)
    sides = zip(_each_boxes(both, rules, ""), _each_boxes(both, rules, "_second"), strict=True)
    for row, (first, second) in enumerate(sides):
        found["boxes_first"][row], found["boxes_second"][row] = len(first), len(second)
        if not len(first) and not len(second):
            continue
        matched = match(first, second, rules.iou_min, any_class=rules.any_class)
        pairs = len(matched.ious)
        alike = float(pairs)
        if pairs:
            one, other = matched.pairs[:, 0], matched.pairs[:, 1]
            found["matched"][row] = pairs
            means["iou_mean"][row] = matched.ious.mean()
            same = first.classes is None or second.classes is None or first.classes[one] == second.classes[other]
            found["same_class"][row] = pairs if same is True else int(np.sum(same))
            if first.confidences is not None and second.confidences is not None:
                apart = np.abs(first.confidences[one] - second.confidences[other])
                means["confidence_difference_mean"][row] = apart.mean()
                means["confidence_difference_max"][row] = apart.max()
                alike = float(np.sum((1.0 - np.minimum(apart, 1.0)) * (1.0 if same is True else same)))
        change[row] = 1.0 - alike / (len(first) + len(second) - pairs)
    return {**found, **{name: pl.Series(values).fill_nan(None) for name, values in means.items()}}, change


def _each_boxes(both: pl.DataFrame, rules: Rules, suffix: str) -> Iterator[Boxes]:
    """The boxes of each row, those below the least confidence left out."""
    corners = _Flat(both, f"out.{rules.boxes}{suffix}")
    classes = _Flat(both, f"out.{rules.classes}{suffix}")
    confidences = _Flat(both, f"out.{rules.confidences}{suffix}")
    for row in range(both.height):
        four = corners.of(row)
        boxes = np.empty((0, 4)) if four is None or len(four) % 4 else four.reshape(-1, 4)
        if rules.box_format == "xywh":
            boxes = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
        kinds, sure = (
            one if one is not None and len(one) == len(boxes) else None
            for one in (classes.of(row), confidences.of(row))
        )
        if rules.confidence_min and sure is not None:
            kept = sure >= rules.confidence_min
            boxes, sure, kinds = boxes[kept], sure[kept], None if kinds is None else kinds[kept]
        yield Boxes(boxes, kinds, sure)


class _Flat:
    """A column of lists of numbers, of which each row's is a view."""

    def __init__(self, both: pl.DataFrame, name: str) -> None:
        self._there = name in both.columns
        if not self._there:
            return
        column = both[name]
        self._valid = column.is_not_null().to_numpy()
        lengths = column.list.len().fill_null(0).to_numpy()
        self._ends = np.cumsum(lengths)
        self._begins = self._ends - lengths
        kept = column.drop_nulls()
        flat = kept.filter(kept.list.len() > 0).explode()
        self._values = flat.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()

    def of(self, row: int) -> Floats | None:
        if not self._there or not self._valid[row]:
            return None
        found: Floats = self._values[self._begins[row] : self._ends[row]]
        return found


def _others_compared(both: pl.DataFrame, outputs: Mapping[str, Any]) -> tuple[Bools, Bools, Floats]:
    """Whether all that says what it is agrees; whether there is any; the largest difference of a number."""
    count = both.height
    agrees, said, difference = np.ones(count, bool), np.zeros(count, bool), np.full(count, np.nan)
    for name, kind in outputs.items():
        one, other = both[f"out.{name}"], both[f"out.{name}_second"]
        if kind != pl.List(pl.Float64):
            there = (one.is_not_null() & other.is_not_null()).to_numpy()
            same = (one == other).fill_null(value=False).to_numpy()
            agrees &= same | ~there
            said |= there
            continue
        sizes = [side.list.len().fill_null(0) for side in (one, other)]
        alike = (sizes[0] == sizes[1]) & (sizes[0] > 0)
        several = (alike & (sizes[0] > 1)).to_numpy()
        same = (one.list.arg_max() == other.list.arg_max()).fill_null(value=False).to_numpy()
        agrees &= same | ~several
        said |= several
        rows = alike.arg_true().to_numpy()
        if len(rows):
            apart = _apart(*(side.filter(alike).explode().to_numpy() for side in (one, other)))
            ends = np.cumsum(sizes[0].filter(alike).to_numpy(), dtype=np.int64)
            begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
            difference[rows] = np.fmax(difference[rows], np.maximum.reduceat(apart, begins))
        unlike = (sizes[0] != sizes[1]).to_numpy()
        agrees &= ~unlike
        said |= unlike
    return agrees, said, difference


def _apart(one: Floats, other: Floats) -> Floats:
    """How far numbers are from each other; the same infinity, or no number on both sides, is no difference."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    found: Floats = np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))
    return found


def _column(values: Any, kind: Any, count: int) -> pl.Series:
    if values is None:
        return pl.Series([None] * count, dtype=kind)
    series = values if isinstance(values, pl.Series) else pl.Series(np.asarray(values))
    return series.cast(kind)
