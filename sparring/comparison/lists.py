"""One output of many answers: flat values, and how many each answer has. Pure."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sparring.comparison.boxes import Bools, Floats, Ints


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

    def at(self, rows: slice) -> "Lists":
        """Only these answers; nothing is copied."""
        begin, count = int(self.counts[: rows.start].sum()), int(self.counts[rows].sum())
        return Lists(self.given[rows], self.counts[rows], self.flat.slice(begin, count))

    def of_rows(self, rows: Bools) -> "Lists":
        """Only these answers: bool [n]."""
        taken = np.repeat(rows, self.counts)
        return Lists(self.given[rows], self.counts[rows], self.flat.filter(pa.array(taken)))
