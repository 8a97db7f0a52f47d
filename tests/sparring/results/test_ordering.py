"""Results in the order of their frames: nothing lost, nothing held for ever, bounded."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sparring.results.ordering import LANES_MAX, Sequencer


def put(sequencer: Sequencer[str], *frames: tuple[str, int], watermark_ms: float = 0) -> list[str]:
    for frame, published_ms in frames:
        assert sequencer.take(frame, published_ms, frame)
    return list(sequencer.ready(watermark_ms))


def test_a_result_goes_out_once_those_of_all_frames_before_it_have() -> None:
    sequencer = Sequencer[str](1000, 100)
    assert put(sequencer, ("f/0/1", 0)) == []
    assert put(sequencer, ("f/1/0", 0)) == ["f/1/0"]
    assert put(sequencer, ("f/0/2", 1)) == []
    assert put(sequencer, ("f/0/0", 2)) == ["f/0/0", "f/0/1", "f/0/2"]


def test_one_that_nobody_wants_fills_its_hole() -> None:
    sequencer = Sequencer[str](1000, 100)
    put(sequencer, ("f/0/1", 0))
    sequencer.take("f/0/0", 1, None)
    assert list(sequencer.ready(0)) == ["f/0/1"]


def test_a_hole_is_given_up_when_the_result_behind_it_is_late_s_old_and_comes_at_once_after_that() -> None:
    sequencer = Sequencer[str](1000, 100)
    assert put(sequencer, ("f/0/1", 50), ("f/0/2", 900), ("f/0/4", 950), watermark_ms=1050) == []
    assert list(sequencer.ready(1051)) == ["f/0/1", "f/0/2"]
    assert put(sequencer, ("f/0/0", 1060), watermark_ms=1100) == ["f/0/0"]
    assert list(sequencer.ready(1951)) == ["f/0/4"]


def test_no_more_than_the_window_are_held_and_the_oldest_hole_is_given_up_first() -> None:
    sequencer = Sequencer[str](math.inf, 3)
    assert put(sequencer, ("f/0/9", 1), ("f/1/5", 0), ("f/1/6", 0)) == []
    assert put(sequencer, ("f/0/10", 2)) == ["f/1/5", "f/1/6"]


def test_a_result_whose_frame_is_no_place_has_no_order_and_lanes_are_bounded() -> None:
    sequencer = Sequencer[str](1000, 10**6)
    assert not sequencer.take("nowhere", 0, "x")
    assert not sequencer.take("f/0/-1", 0, "x")
    for number in range(LANES_MAX):
        assert sequencer.take(f"f/{number}/0", 0, "x")
    assert not sequencer.take("g/0/0", 0, "x")
    assert sequencer.take("f/0/1", 0, "x")


@given(
    order=st.permutations(range(12)),
    missing=st.sets(st.integers(0, 11)),
    window=st.integers(1, 15),
    late_ms=st.integers(0, 12),
)
def test_nothing_is_lost_or_given_twice_and_what_is_in_time_is_in_order(
    order: list[int], missing: set[int], window: int, late_ms: int
) -> None:
    sequencer = Sequencer[int](late_ms, window)
    came: list[int] = []
    taken = [offset for offset in order if offset not in missing]
    for now_ms, offset in enumerate(taken):
        sequencer.take(f"f/0/{offset}", now_ms, offset)
        came += sequencer.ready(now_ms)
        assert now_ms + 1 - len(came) <= window
    came += sequencer.ready(math.inf)
    assert sorted(came) == sorted(taken)
    if not missing and window >= len(order) and late_ms >= len(order):
        assert all(before < after for before, after in pairwise(came))
