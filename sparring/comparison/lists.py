"""One output of many answers: flat values, and how many each answer has. Pure."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sparring.comparison.boxes import Bools, Floats, Ints

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
