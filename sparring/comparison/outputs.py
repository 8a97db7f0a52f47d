"""How much outputs other than boxes differ, answer by answer. Pure.

`Lists` holds one output of many answers as flat values. Whole numbers are compared as whole numbers: float64 does not
hold all of them.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sparring.comparison.boxes import Bools, Floats, Ints, portions

Numbers = Ints | Floats | npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Lists:
    """Of n answers. given: bool [n], whether the answer has this output. counts: int64 [n], 0 where it has not. flat:
    the values, one after the other, a pyarrow.Array."""

    given: Bools
    counts: Ints
    flat: Any

    @classmethod
    def of(cls, column: pl.Series) -> Self:
        """column: of lists."""
        lists: Any = column.rechunk().to_arrow()
        counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(column.is_not_null().to_numpy(), counts, lists.flatten())

    @property
    def kind(self) -> str:
        """What it holds: float, whole, or other, which is compared by equality alone. Where no
        answer has a value it is float."""
        kind = self.flat.type
        if pa.types.is_floating(kind) or pa.types.is_null(kind):
            return "float"
        return "whole" if pa.types.is_integer(kind) else "other"

    def numbers(self) -> Floats:
        """The values, NaN where one is missing."""
        numbers: Floats = self.flat.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers

    def exact(self) -> tuple[Numbers, Bools]:
        """The values in a type that holds them all, int64, uint64 or float64, and bool, whether one is missing (it is
        0, or NaN, then)."""
        absent = self.flat.is_null().to_numpy(zero_copy_only=False)
        kind = self.flat.type
        if not pa.types.is_integer(kind):
            return self.numbers(), absent
        wide = pa.uint64() if pa.types.is_uint64(kind) else pa.int64()
        whole: Numbers = pc.fill_null(self.flat.cast(wide), pa.scalar(0, wide)).to_numpy(zero_copy_only=False)
        return whole, absent

    def at(self, rows: slice) -> "Lists":
        """Only these answers; nothing is copied."""
        begin, count = int(self.counts[: rows.start].sum()), int(self.counts[rows].sum())
        return Lists(self.given[rows], self.counts[rows], self.flat.slice(begin, count))

    def of_rows(self, rows: Bools) -> "Lists":
        """Only these answers: bool [n]."""
        taken = np.repeat(rows, self.counts)
        return Lists(self.given[rows], self.counts[rows], self.flat.filter(pa.array(taken)))


_INT64_BELOW: Final = 2.0**63
_UINT64_BELOW: Final = 2.0**64


def difference_of(one: Lists, two: Lists) -> Floats:
    """The absolute difference of each pair of values, as many on both sides: float64, 0 only where both are the same
    number, or both are NaN or missing; infinite where one of them is."""
    (a, no_a), (b, no_b) = one.exact(), two.exact()
    apart = difference_of_arrays(a, b)
    nan_a, nan_b = no_a | np.isnan(a), no_b | np.isnan(b)
    apart[nan_a | nan_b] = np.inf
    apart[nan_a & nan_b] = 0
    return apart


def difference_of_arrays(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Without missing values. Where both are NaN, NaN."""
    if a.dtype == b.dtype:
        return _of_floats(a, b) if a.dtype.kind == "f" else _of_whole(a, b)
    if a.dtype.kind == "f" or (a.dtype.kind == "u" and b.dtype.kind == "i"):
        return difference_of_arrays(b, a)
    apart = _of_floats(a.astype(np.float64), b.astype(np.float64))
    # Where both fit into the type of `a`, or of `b` if that is unsigned, they are compared in it.
    dtype: npt.DTypeLike = np.uint64 if b.dtype.kind == "u" else a.dtype
    both = _fits(a, dtype) & _fits(b, dtype)
    apart[both] = _of_whole(a[both].astype(dtype), b[both].astype(dtype))
    return apart


def _fits(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[np.bool_]:
    """Whether each is a whole number that the integer type holds."""
    unsigned = np.dtype(dtype).kind == "u"
    if values.dtype.kind != "f":
        return np.asarray(values >= 0) if unsigned else np.ones(len(values), np.bool_)
    lowest, below = (0.0, _UINT64_BELOW) if unsigned else (-_INT64_BELOW, _INT64_BELOW)
    return np.asarray((values == np.floor(values)) & (values >= lowest) & (values < below))


def _of_whole(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Of one integer type. The difference has 64 bits without a sign."""
    larger, smaller = np.maximum(a, b).astype(np.uint64), np.minimum(a, b).astype(np.uint64)
    return np.asarray(larger - smaller, np.float64)


def _of_floats(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        apart: Floats = np.abs(a - b)
    apart[a == b] = 0  # infinities
    return apart


VALUES_AT_ONCE: Final = 1_000_000
"""Of all answers together, on each side; about 100 bytes each. One answer may have more."""


@dataclass(frozen=True)
class OutputDifference:
    """Of n pairs of answers, for one output. Masked (NaN, or `judged` false) where neither answer has it.

    abs_max: float64 [n], the largest absolute difference of two numbers; NaN where they are no numbers, or not as
    many. judged: bool [n], whether there is an agreement to speak of. agree: bool [n]: the same place of the largest
    number (several floats), the same numbers (whole), the same text (else). change: float64 [n], from 0 to 1.
    """

    abs_max: Floats
    judged: Bools
    agree: Bools
    change: Floats


def difference(a: pl.Series, b: pl.Series) -> OutputDifference:
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
        return OutputDifference(np.full(len(a), np.nan), either, same, np.where(either & ~same, 1.0, 0.0))
    abs_max, relative, same_peak = _numbers(one.of_rows(alike), two.of_rows(alike), alike)
    if "whole" in kinds:
        same = alike & (abs_max == 0)
        return OutputDifference(np.where(alike, abs_max, np.nan), either, same, np.where(either & ~same, 1.0, 0.0))
    several = alike & (one.counts > 1)
    judged = several | (either & ~alike)
    change = np.where(several, (relative + ~same_peak) / 2, relative)
    return OutputDifference(
        np.where(alike, abs_max, np.nan), judged, several & same_peak, np.where(either & ~alike, 1.0, change)
    )


def _numbers(one: Lists, two: Lists, rows: Bools) -> tuple[Floats, Floats, Bools]:
    """For all n pairs, of which `rows` are present: largest difference, relative difference, equal largest index."""
    abs_max, relative, same_peak = np.zeros(len(rows)), np.zeros(len(rows)), np.ones(len(rows), np.bool_)
    places = np.flatnonzero(rows)
    for some in portions(one.counts, VALUES_AT_ONCE):
        at = places[some][one.counts[some] > 0]
        abs_max[at], relative[at], same_peak[at] = _filled(one.at(some), two.at(some))
    return abs_max, relative, same_peak


def _filled(one: Lists, two: Lists) -> tuple[Floats, Floats, Bools]:
    """`_numbers` of answers with values, of which there are some."""
    a, b = one.numbers(), two.numbers()
    apart = difference_of(one, two)
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
