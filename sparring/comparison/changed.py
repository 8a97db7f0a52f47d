"""The pairs that changed most: those of each bucket, and of them only as many as are shown."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from sparring.comparison.coordinates import InputSpace, PictureSize
from sparring.comparison.detections import Detections
from sparring.comparison.joined import KEY, JoinedAnswers
from sparring.comparison.pairs import Pairs
from sparring.comparison.side import OUT

CHANGED_MAX: Final = 50
"""Pairs that are kept whole, with their boxes: at most twice BOXES_MAX each, and VALUES_SHOWN of other outputs."""

VALUES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Box:
    """corners: in pixels of its model's input. partner: the matched box's place in the other side's tuple, or None."""

    corners: tuple[float, float, float, float]
    label: str | int | float | None
    confidence: float | None
    partner: int | None


@dataclass(frozen=True, slots=True)
class ChangedPair:
    """One pair. facts: its row of the pairs' dataset. a, b: boxes, the most confident first. input_a, input_b: in whose
    pixels they are; None: the picture's own. picture: its size, where the boxes could not be compared without. outputs:
    of others, the first values."""

    change: float
    subject: str
    row: int
    facts: dict[str, Any]
    a: tuple[Box, ...]
    b: tuple[Box, ...]
    input_a: InputSpace | None
    input_b: InputSpace | None
    picture: PictureSize | None
    outputs: dict[str, tuple[list[Any] | None, list[Any] | None]]

    @property
    def place(self) -> tuple[float, str, int]:
        """What they are ordered by: the most changed first, then subject and row."""
        return -self.change, self.subject, self.row


def most_changed(
    earlier: list[ChangedPair], both: JoinedAnswers, found: Pairs, outputs: list[str]
) -> list[ChangedPair]:
    """The CHANGED_MAX pairs of those before and of this bucket that changed most, in their order. One that did not
    change is not among them."""
    floor = earlier[-1].change if len(earlier) == CHANGED_MAX else 0.0
    rows = found.table.with_row_index("_at").filter((pl.col("change") > 0) & (pl.col("change") >= floor))
    rows = rows.sort(pl.col("change"), *KEY, descending=[True, False, False]).head(CHANGED_MAX)
    new = [_changed(facts.pop("_at"), facts, both, found, outputs) for facts in rows.iter_rows(named=True)]
    return sorted([*earlier, *new], key=lambda one: one.place)[:CHANGED_MAX]


def _changed(at: int, facts: dict[str, Any], both: JoinedAnswers, found: Pairs, outputs: list[str]) -> ChangedPair:
    a, b = _boxes(at, found)
    spaces = found.spaces
    places = (None, None, None) if spaces is None else (spaces.a.at(at), spaces.b.at(at), spaces.picture(at))
    shown = {name: (_first(both.a[f"{OUT}{name}"][at]), _first(both.b[f"{OUT}{name}"][at])) for name in outputs}
    return ChangedPair(facts["change"], facts["subject"] or "", facts["row"] or 0, facts, a, b, *places, shown)


def _first(values: pl.Series | None) -> list[Any] | None:
    return None if values is None else values.head(VALUES_SHOWN).to_list()


def _boxes(at: int, found: Pairs) -> tuple[tuple[Box, ...], tuple[Box, ...]]:
    if found.a is None or found.b is None or found.matches is None:
        return (), ()
    first = [int(one.boxes.begins[at]) for one in (found.a, found.b)]
    mine = np.flatnonzero((found.matches.a >= first[0]) & (found.matches.a < first[0] + found.a.boxes.counts[at]))
    partners = [(int(found.matches.a[match]) - first[0], int(found.matches.b[match]) - first[1]) for match in mine]
    return (
        _side(found.a, at, first[0], dict(partners)),
        _side(found.b, at, first[1], {two: one for one, two in partners}),
    )


def _side(side: Detections, at: int, begin: int, partners: dict[int, int]) -> tuple[Box, ...]:
    taken = slice(begin, begin + int(side.boxes.counts[at]))
    rows = zip(
        side.boxes.corners[taken].tolist(),
        side.names[taken].to_list(),
        side.boxes.confidences[taken].tolist(),
        strict=True,
    )
    return tuple(
        Box(tuple(corners), label, None if np.isnan(sure) else sure, partners.get(place))
        for place, (corners, label, sure) in enumerate(rows)
    )
