"""Which box of B is which box of A. Pure: the boxes of thousands of answers in, their matches out.

Greedy by confidence: the boxes of A choose in turn, the most confident first; each takes the free box of B in the same
answer that overlaps it most (of equal ones the more confident), if their intersection over union reaches the
threshold and, unless any class will do, they are of one class. So a box is taken at most once. Boxes of one rank choose
in all answers at the same time, which is why this is fast.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sparring.comparison.boxes import Boxes, Floats, Ints, overlap, portions

EDGES_MAX: Final = 2_000_000
"""Pairs of boxes looked at together; about 150 bytes each. Two answers alone may have BOXES_MAX squared, 4 million."""


@dataclass(frozen=True)
class Matches:
    """Rows of two `Boxes` that are the same thing: a, b: int64 [k]; iou: float64 [k], their overlap."""

    a: Ints
    b: Ints
    iou: Floats


def match(a: Boxes, b: Boxes, iou: float, *, any_class: bool = False) -> Matches:
    """The matches of all answers, in the order of A's boxes.

    Args:
        a: of n answers, the most confident first in each.
        b: of the same n answers.
        iou: a match has at least this overlap.
        any_class: also where the classes differ.
    """
    found = [_chosen(a, b, rows, iou, any_class=any_class) for rows in portions(a.counts * b.counts, EDGES_MAX)]
    first = np.concatenate([np.empty(0, np.int64), *(one.a for one in found)])
    second = np.concatenate([np.empty(0, np.int64), *(one.b for one in found)])
    overlaps = np.concatenate([np.empty(0), *(one.iou for one in found)])
    order = np.argsort(first)
    return Matches(first[order], second[order], overlaps[order])


def _chosen(a: Boxes, b: Boxes, answers: slice, iou: float, *, any_class: bool) -> Matches:
    one, two = _edges(a, b, answers)
    if not any_class:
        same = a.classes[one] == b.classes[two]
        one, two = one[same], two[same]
    overlaps = overlap(a.corners[one], b.corners[two])
    near = overlaps >= iou
    one, two, overlaps = one[near], two[near], overlaps[near]
    rank = (np.arange(len(a.corners)) - np.repeat(a.begins, a.counts))[one]
    order = np.lexsort((two, -overlaps, one, rank))
    one, two, overlaps, rank = one[order], two[order], overlaps[order], rank[order]
    taken = np.zeros(len(b.corners), np.bool_)
    chosen: list[Ints] = []
    turns = np.flatnonzero(np.diff(rank)) + 1
    for begin, end in zip([0, *turns.tolist()], [*turns.tolist(), len(rank)], strict=True):
        free = begin + np.flatnonzero(~taken[two[begin:end]])
        if len(free):
            best = free[np.flatnonzero(np.diff(one[free], prepend=-1))]
            taken[two[best]] = True
            chosen.append(best)
    edges = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
    return Matches(one[edges], two[edges], overlaps[edges])


def _edges(a: Boxes, b: Boxes, answers: slice) -> tuple[Ints, Ints]:
    """Each box of A beside each of B in the same answer."""
    begin = int(a.begins[answers.start])
    others = np.repeat(b.counts[answers], a.counts[answers])
    one = np.repeat(np.arange(begin, begin + len(others)), others)
    within = np.arange(len(one)) - np.repeat(np.cumsum(others) - others, others)
    two = np.repeat(np.repeat(b.begins[answers], a.counts[answers]), others) + within
    return one, two
