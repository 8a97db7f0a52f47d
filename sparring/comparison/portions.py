"""Rows taken a portion at a time, so that what is made of them fits in memory. Pure."""

from collections.abc import Iterator

import numpy as np

from sparring.comparison.boxes import Ints


def portions(weights: Ints, most: int) -> Iterator[slice]:
    """Rows whose weights are no more than `most` together, or one row alone. Some that weigh nothing are left out."""
    sums = np.cumsum(weights)
    begin, done = 0, 0
    while begin < len(sums):
        end = max(begin + 1, int(np.searchsorted(sums, done + most, side="right")))
        if sums[end - 1] > done:
            yield slice(begin, end)
        begin, done = end, int(sums[end - 1])
