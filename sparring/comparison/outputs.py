"""How far other outputs than boxes differ, answer by answer. Pure."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sparring.comparison.boxes import Bools, Floats, Ints
from sparring.comparison.lists import Lists
from sparring.comparison.numbers import apart_of
from sparring.comparison.portions import portions

VALUES_AT_ONCE: Final = 1_000_000
"""Of all answers together, on each side; about 100 bytes each. One answer may have more."""


@dataclass(frozen=True)
class Difference:
    """Of n pairs of answers, for one output. Masked (NaN, or `judged` false) where neither answer has it.

    abs_max: float64 [n], the largest absolute difference of two numbers; NaN where they are no numbers, or not as
    many. judged: bool [n], whether there is an agreement to speak of. agree: bool [n]: the same place of the largest
    number (several floats), the same numbers (whole), the same text (else). change: float64 [n], from 0 to 1.
    """

    abs_max: Floats
    judged: Bools
    agree: Bools
    change: Floats


def difference(a: pl.Series, b: pl.Series) -> Difference:
    """The same output of two sides, row by row; both columns of lists.

    change: of text and whole numbers 0 or 1. Of floats the largest difference over the largest number on either side,
    at most 1; where there are several, half of that, and a half more where another one is the largest.
    """
    one, two = Lists.of(a), Lists.of(b)
    either, both = one.given | two.given, one.given & two.given
    alike = both & (one.counts == two.counts)
    kinds = {one.kind, two.kind}
    if "other" in kinds:
        same = a.eq_missing(b).to_numpy() if a.dtype == b.dtype else np.zeros(len(a), np.bool_)
        return Difference(np.full(len(a), np.nan), either, same, np.where(either & ~same, 1.0, 0.0))
    abs_max, relative, same_peak = _numbers(one.of_rows(alike), two.of_rows(alike), alike)
    if "whole" in kinds:
        same = alike & (abs_max == 0)
        return Difference(np.where(alike, abs_max, np.nan), either, same, np.where(either & ~same, 1.0, 0.0))
    several = alike & (one.counts > 1)
    judged = several | (either & ~alike)
    change = np.where(several, (relative + ~same_peak) / 2, relative)
    return Difference(
        np.where(alike, abs_max, np.nan), judged, several & same_peak, np.where(either & ~alike, 1.0, change)
    )


def _numbers(one: Lists, two: Lists, rows: Bools) -> tuple[Floats, Floats, Bools]:
    """For all n pairs, of which only `rows` came: largest difference, the same relative, the same largest number."""
    abs_max, relative, same_peak = np.zeros(len(rows)), np.zeros(len(rows)), np.ones(len(rows), np.bool_)
    places = np.flatnonzero(rows)
    for some in portions(one.counts, VALUES_AT_ONCE):
        at = places[some][one.counts[some] > 0]
        abs_max[at], relative[at], same_peak[at] = _filled(one.at(some), two.at(some))
    return abs_max, relative, same_peak


def _filled(one: Lists, two: Lists) -> tuple[Floats, Floats, Bools]:
    """`_numbers` of answers with values, of which there are some."""
    a, b = one.numbers(), two.numbers()
    apart = apart_of(one, two)
    with np.errstate(invalid="ignore", over="ignore"):
        filled = np.flatnonzero(one.counts)
        begins = (np.cumsum(one.counts) - one.counts)[filled]
        abs_max = np.maximum.reduceat(apart, begins)
        largest = np.maximum.reduceat(np.fmax(np.abs(a), np.abs(b)), begins)
        found = np.minimum(abs_max / largest, 1)
    relative = np.where(abs_max == 0, 0, np.where(np.isnan(found), 1, found))
    counts = one.counts[filled]
    return abs_max, relative, _peaks(a, counts, begins) == _peaks(b, counts, begins)


def _peaks(values: Floats, counts: Ints, begins: Ints) -> Ints:
    """Where the largest number of each list stands, the first of equal ones; NaN is below all."""
    known = np.nan_to_num(values, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    largest = np.flatnonzero(known == np.repeat(np.maximum.reduceat(known, begins), counts))
    peaks: Ints = largest[np.searchsorted(largest, begins)]
    return peaks
