"""The boxes of many answers as flat arrays, and where each answer's begin; portions that fit in memory. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from schemas.pictures.placement import Placement
from sparring.vision.places import on_picture

BOXES_MAX: Final = 2_000
"""Boxes of one answer that are compared, the most confident; what is left out is counted. Matching one pair of
answers looks at their product."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Boxes:
    """Of n answers with m boxes together, in each answer the most confident first.

    counts: int64 [n]. corners: float64 [m, 4], x1 y1 x2 y2. classes: int64 [m], codes of those that are compared.
    confidences: float64 [m], NaN where there is none. place: int64 [m], where in its answer the box stood. left_out:
    boxes above BOXES_MAX.
    """

    counts: Ints
    corners: Floats
    classes: Ints
    confidences: Floats
    place: Ints
    left_out: int = 0

    @classmethod
    def ordered(
        cls, counts: Ints, corners: Floats, classes: Ints, confidences: Floats, confidence_min: float = -np.inf
    ) -> Self:
        """Those of each answer by falling confidence, equal ones and those without any in the order of the answer.

        A box below `confidence_min` is left out; one without confidence stays.
        """
        owner = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = np.flatnonzero(~(confidences < confidence_min))
        order = kept[np.lexsort((-np.nan_to_num(confidences[kept], nan=-np.inf), owner[kept]))]
        sizes = np.bincount(owner[order], minlength=len(counts)).astype(np.int64)
        rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        below = rank < BOXES_MAX
        taken = order[below]
        return cls(
            np.minimum(sizes, BOXES_MAX),
            corners[taken],
            classes[taken],
            confidences[taken],
            place[taken],
            int(len(order) - len(taken)),
        )

    def on_picture(self, lies: Placement) -> Self:
        """Corners in pixels of the picture. lies: where it lies in each answer's input, [n, 2]."""
        own = Placement(*(np.repeat(each, self.counts, axis=0) for each in (lies.resized, lies.offset, lies.pixels)))
        return replace(self, corners=on_picture(self.corners, own))

    @property
    def begins(self) -> Ints:
        """Where each answer's boxes begin, int64 [n]."""
        begins: Ints = np.cumsum(self.counts) - self.counts
        return begins

    @property
    def owners(self) -> Ints:
        """Whose each box is, int64 [m]."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union of boxes, row by row: [m, 4] and [m, 4] to [m]. 0 where a box has no area."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
        shared = sides[:, 0] * sides[:, 1]
        whole = _area(a) + _area(b) - shared
        found: Floats = np.nan_to_num(shared / whole, nan=0.0, posinf=0.0)
    return found


def _area(boxes: Floats) -> Floats:
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    area: Floats = sides[:, 0] * sides[:, 1]
    return area


def portions(weights: Ints, most: int) -> Iterator[slice]:
    """Rows whose weights are no more than `most` together, or one row alone. Some that weigh nothing are left out."""
    sums = np.cumsum(weights)
    begin, done = 0, 0
    while begin < len(sums):
        end = max(begin + 1, int(np.searchsorted(sums, done + most, side="right")))
        if sums[end - 1] > done:
            yield slice(begin, end)
        begin, done = end, int(sums[end - 1])
