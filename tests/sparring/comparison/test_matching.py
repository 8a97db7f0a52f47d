"""Which box is which: the fast matching against one that looks at every pair of boxes, in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring.comparison import boxes as boxes_module
from sparring.comparison import matching
from sparring.comparison.boxes import Boxes, overlap
from sparring.comparison.matching import match

Box = tuple[tuple[int, int, int, int], int, float]
"""Corners, class, confidence."""
Answer = list[Box]

corner = st.integers(0, 12)
box = st.tuples(
    st.tuples(corner, corner, corner, corner), st.integers(0, 2), st.sampled_from([0.25, 0.5, 0.5, 0.75, 1.0])
)
answers = st.lists(st.tuples(st.lists(box, max_size=6), st.lists(box, max_size=6)), max_size=5)


def exact_overlap(a: tuple[int, ...], b: tuple[int, ...]) -> Fraction:
    """Counted out pixel by pixel, as nobody would who is in a hurry."""
    inside = [{(x, y) for x in range(x1, x2) for y in range(y1, y2)} for x1, y1, x2, y2 in (a, b)]
    whole = len(inside[0] | inside[1])
    return Fraction(len(inside[0] & inside[1]), whole) if whole else Fraction(0)


def brute_force(a: Answer, b: Answer, iou: Fraction, *, any_class: bool) -> set[tuple[int, int]]:
    matches: set[tuple[int, int]] = set()
    free = sorted(range(len(b)), key=lambda place: -b[place][2])
    for one in sorted(range(len(a)), key=lambda place: -a[place][2]):
        best, most = None, Fraction(0)
        for two in free:
            found = exact_overlap(a[one][0], b[two][0])
            if found >= iou and found > most and (any_class or a[one][1] == b[two][1]):
                best, most = two, found
        if best is not None:
            free.remove(best)
            matches.add((one, best))
    return matches


def boxes_of(found: list[Answer]) -> Boxes:
    flat = [one for answer in found for one in answer]
    return Boxes.ordered(
        np.array([len(answer) for answer in found], np.int64),
        np.array([one[0] for one in flat], np.float64).reshape(-1, 4),
        np.array([one[1] for one in flat], np.int64),
        np.array([one[2] for one in flat], np.float64),
    )


def matched(pairs: list[tuple[Answer, Answer]], iou: float, *, any_class: bool) -> list[set[tuple[int, int]]]:
    a, b = (boxes_of([pair[side] for pair in pairs]) for side in (0, 1))
    found = match(a, b, iou, any_class=any_class)
    by_pair: list[set[tuple[int, int]]] = [set() for _ in pairs]
    for one, two in zip(found.a, found.b, strict=True):
        assert a.owners[one] == b.owners[two]
        by_pair[a.owners[one]].add((int(a.place[one]), int(b.place[two])))
    return by_pair


@given(answers, st.sampled_from([0.125, 0.5, 1.0]), st.booleans())
def test_matches_are_those_of_a_matching_that_looks_at_every_pair_of_boxes(
    pairs: list[tuple[Answer, Answer]], iou: float, any_class: bool
) -> None:
    wanted = [brute_force(a, b, Fraction(iou), any_class=any_class) for a, b in pairs]
    assert matched(pairs, iou, any_class=any_class) == wanted


@given(answers)
def test_cutting_the_work_into_portions_changes_no_match(pairs: list[tuple[Answer, Answer]]) -> None:
    whole = matched(pairs, 0.25, any_class=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matching, "EDGES_MAX", 3)
        assert matched(pairs, 0.25, any_class=True) == whole


def test_the_most_confident_box_chooses_first_and_takes_what_overlaps_it_most() -> None:
    near, nearer = ((0, 0, 10, 9), 0, 0.9), ((0, 0, 10, 10), 0, 0.1)
    sure, unsure = ((0, 0, 10, 10), 0, 0.9), ((0, 0, 10, 10), 0, 0.2)
    assert matched([([unsure, sure], [near, nearer])], 0.5, any_class=False) == [{(1, 1), (0, 0)}]
    assert matched([([unsure, sure], [nearer])], 0.5, any_class=False) == [{(1, 0)}]


def test_boxes_of_two_classes_match_only_where_any_class_will_do() -> None:
    pair = ([((0, 0, 4, 4), 1, 0.9)], [((0, 0, 4, 4), 2, 0.9)])
    assert matched([pair], 0.5, any_class=False) == [set()]
    assert matched([pair], 0.5, any_class=True) == [{(0, 0)}]


def test_boxes_without_area_and_boxes_that_are_no_numbers_overlap_nothing() -> None:
    boxes = np.array([[1, 1, 1, 5], [5, 5, 2, 2], [np.nan, 0, 1, 1], [-np.inf, 0, np.inf, 1]], np.float64)
    assert overlap(boxes, boxes).tolist() == [0, 0, 0, 0]


def test_boxes_below_the_least_confidence_and_above_the_limit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes_module, "BOXES_MAX", 2)
    found = Boxes.ordered(
        np.array([5, 1]), np.zeros((6, 4)), np.zeros(6, np.int64), np.array([0.1, 0.9, 0.5, 0.7, np.nan, 0.3]), 0.3
    )
    assert found.counts.tolist() == [2, 1]
    assert found.place.tolist() == [1, 3, 0]
    assert found.left_out == 2
