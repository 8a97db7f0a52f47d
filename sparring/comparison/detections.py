"""The boxes in the answers of one bucket, each side's in pixels of its own model's input. Pure."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from sparring.comparison.boxes import Bools, Boxes, Floats, Ints
from sparring.comparison.options import Options
from sparring.comparison.outputs import Lists
from sparring.comparison.side import OUT, NotADataset

_NO_CLASS: Final = -1


@dataclass(frozen=True)
class Detections:
    """One side's. given: bool [n], the answer has readable boxes, none among them. malformed: bool [n], its numbers are
    no fours, or classes or confidences do not fit them: it counts as an answer without boxes. classified: bool [n], its
    boxes have classes. names: [m], the boxes' classes as the answers gave them; null where there was none."""

    given: Bools
    malformed: Bools
    classified: Bools
    boxes: Boxes
    names: pl.Series


def detections(a: pl.DataFrame, b: pl.DataFrame, options: Options, comparable: Bools) -> tuple[Detections, Detections]:
    """Of the answers of pairs, row by row. Both sides' classes have the same codes; where one side's answer has no
    classes, all boxes of the pair are of one. comparable: bool [n]; the others count as answers without boxes."""
    found = [_Raw.of(frame, options, comparable) for frame in (a, b)]
    coded, labels = _coded(found[0].classes, found[1].classes)
    classified = found[0].classes.given & found[1].classes.given
    sides = []
    for one, codes in zip(found, coded, strict=True):
        boxes = Boxes.ordered(
            one.counts, one.corners, one.filled(one.classes, codes, _NO_CLASS), one.sure, options.confidence_min
        )
        names = labels.gather(pl.Series(boxes.classes).replace(_NO_CLASS, None))
        compared = np.where(classified[boxes.owners], boxes.classes, _NO_CLASS)
        sides.append(Detections(one.given, one.malformed, one.classes.given, replace(boxes, classes=compared), names))
    return sides[0], sides[1]


def unclassified(a: Detections, b: Detections) -> tuple[Bools, Bools]:
    """Bool [n] each: both sides have boxes, and those of A, or of B, have no classes. Where either is so, there is no
    agreement in classes."""
    both = (a.boxes.counts > 0) & (b.boxes.counts > 0)
    return both & ~a.classified, both & ~b.classified


@dataclass(frozen=True)
class _Raw:
    """Of readable answers only."""

    given: Bools
    malformed: Bools
    counts: Ints
    corners: Floats
    classes: Lists
    sure: Floats

    @classmethod
    def of(cls, frame: pl.DataFrame, options: Options, comparable: Bools) -> "_Raw":
        for name in (options.boxes, options.confidences):
            _check_numbers(frame, name)
        boxes, classes, confidences = (
            Lists.of(frame[f"{OUT}{name}"]) if f"{OUT}{name}" in frame.columns else _none(frame.height)
            for name in (options.boxes, options.classes, options.confidences)
        )
        counts, rest = np.divmod(boxes.counts, 4)
        malformed = rest != 0
        for others in (classes, confidences):
            malformed |= boxes.given & others.given & (others.counts != counts)
        readable = boxes.given & ~malformed & comparable
        boxes, classes, confidences = (
            Lists(
                one.given & readable,
                np.where(readable, one.counts, 0),
                one.flat.filter(pa.array(np.repeat(readable, one.counts))),
            )
            for one in (boxes, classes, confidences)
        )
        counts = boxes.counts // 4
        corners = boxes.numbers().reshape(-1, 4)
        if options.box_format == "xywh":
            corners = np.concatenate((corners[:, :2], corners[:, :2] + corners[:, 2:]), axis=1)
        one = cls(readable, malformed, counts, corners, classes, np.empty(0))
        return cls(
            readable, malformed, counts, corners, classes, one.filled(confidences, confidences.numbers(), np.nan)
        )

    def filled(self, lists: Lists, values: np.ndarray, otherwise: float) -> np.ndarray:
        """One value for each box: `otherwise` in answers that do not have this output."""
        whole = np.full(int(self.counts.sum()), otherwise, values.dtype)
        whole[np.repeat(lists.given, self.counts)] = values
        return whole


def _check_numbers(frame: pl.DataFrame, name: str) -> None:
    kind: Any = frame.schema.get(f"{OUT}{name}")
    if kind is not None and not (kind.inner.is_numeric() or kind.inner == pl.Null):
        raise NotADataset(
            f"the output {name} holds {kind.inner}; expected numbers: boxes, classes and confidences name others"
        )


def _coded(a: Lists, b: Lists) -> tuple[tuple[Ints, Ints], pl.Series]:
    """Codes of both sides' classes, and what they stand for. Numbers of two kinds are the same where they are equal."""
    first, second = (pl.Series(values=one.flat) for one in (a, b))
    if first.dtype != second.dtype:
        common = _common(first.dtype, second.dtype)
        first, second = first.cast(common), second.cast(common)
    whole = pl.concat([first, second])
    labels = whole.drop_nulls().unique().sort()
    codes = np.full(len(whole), _NO_CLASS, np.int64)
    known = whole.is_not_null().to_numpy()
    codes[known] = labels.search_sorted(whole.drop_nulls()).to_numpy()
    return (codes[: len(first)], codes[len(first) :]), labels


def _common(one: Any, other: Any) -> Any:
    if one.is_integer() and other.is_integer():
        return pl.Int128
    return pl.Float64 if one.is_numeric() and other.is_numeric() else pl.String


def _none(count: int) -> Lists:
    return Lists(np.zeros(count, np.bool_), np.zeros(count, np.int64), pa.array([], pa.int64()))
