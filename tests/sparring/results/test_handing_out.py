"""What goes out when: with its challengers, in its turn, in a table; and what a loop over tables had that was left."""

import math
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.tables.read import encode_rows
from sparring.results.query import Filter, ResultQuery
from sparring.results.result import Result
from sparring.results.stream import ResultStream
from tests.sparring.results.made import challenger, record, result


class Given:
    """A `Source` of these results, one in each poll; a number instead is the watermark from then on, Unix ms."""

    def __init__(self, *given: Result | float) -> None:
        self._given = list(given)
        self._watermark_ms = -math.inf

    @property
    def ended(self) -> bool:
        return not self._given

    def next_record(self) -> Any:
        one = self._given.pop(0)
        if isinstance(one, Result):
            return record(one)
        self._watermark_ms = one
        return None

    def watermark_ms(self) -> float:
        return self._watermark_ms

    def keep(self) -> None: ...

    def lost(self) -> bool:
        return False

    def stop(self) -> None:
        self._given.clear()

    def close(self) -> None: ...


class Clock:
    """Seconds that rise by `step_s` each time they are asked for."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now_s = 0.0

    def __call__(self) -> float:
        self._now_s += self._step_s
        return self._now_s


def stream(*given: Result | float, clock: Any = None, **question: Any) -> ResultStream[Any]:
    asked = ResultQuery(Filter(), **question)
    return ResultStream(Given(*given), asked) if clock is None else ResultStream(Given(*given), asked, clock)


def ids(table: pa.Table) -> list[str]:
    return [str(one) for one in table["request_id"].to_pylist()]


def offsets(results: ResultStream[Any]) -> dict[tuple[str, int], int]:
    """What a commit would say now."""
    return results._window.progress.offsets()  # noqa: SLF001 (a commit needs a broker)


def test_joined_and_ordered_a_challenger_that_came_in_time_is_there_however_long_its_champion_waits_for_its_turn() -> (
    None
):
    """The frame before the champion's has no result; the one before that comes so late that it waits twice."""
    results = stream(
        challenger("b", 1000),
        result("b", 1050, 0, frame="frames/0/2", parts=1),
        2020,
        result("a", 2040, 1, frame="frames/0/1"),
        2900,
        3041,
        joined=True,
        ordered=True,
        late_ms=1000,
    )
    assert [(one.official.request_id, sorted(one.challengers), one.missing) for one in results] == [
        ("a", [], 0),
        ("b", ["rival@v1"], 0),
    ]


def test_joined_and_ordered_a_commit_stays_before_a_challenger_whose_champion_waits() -> None:
    results = stream(
        challenger("b", 1000),
        result("b", 1050, 0, frame="frames/0/1", parts=1),
        9000,
        result("c", 9000, 1, frame="frames/0/2"),
        joined=True,
        ordered=True,
        late_ms=1000,
    )
    assert next(results).official.request_id == "b"
    assert offsets(results) == {("results", 0): 1, ("shadows", 0): 1}


def test_where_results_are_followed_a_table_is_handed_out_a_second_after_its_first_however_busy_the_topic_is() -> None:
    busy = [result(f"r{number}", number, number) for number in range(100)]
    tables = list(stream(*busy, clock=Clock(0.1), follow=True).batches())
    assert [one for table in tables for one in ids(table)] == [f"r{number}" for number in range(100)]
    assert 5 <= len(tables) <= 20


def test_what_is_recorded_is_put_into_full_tables_however_long_it_takes() -> None:
    there = [result(f"r{number}", number, number) for number in range(100)]
    tables = list(stream(*there, clock=Clock(10)).batches(rows_max=50))
    assert [len(table) for table in tables] == [50, 50]


WHOLE = encode_rows({"y": [np.array([7], np.int64)]})
"""An output of another type than the others' y: it ends a table."""


@pytest.mark.parametrize("value", [{}, {"value": WHOLE}])
def test_who_leaves_a_loop_over_tables_and_begins_another_goes_on_behind_the_last_table(
    value: dict[str, Any],
) -> None:
    """The table ends because it is full, or because of what comes next: that is not lost."""
    results = stream(*(result(f"r{number}", number, number, **(value if number == 2 else {})) for number in range(6)))
    assert ids(next(results.batches(rows_max=2 if not value else 100))) == ["r0", "r1"]
    assert offsets(results) == {("results", 0): 2}
    came = [one for table in results.batches(rows_max=3) for one in ids(table)]
    assert came == ["r2", "r3", "r4", "r5"]
    assert offsets(results) == {("results", 0): 6}


def test_what_a_loop_over_tables_had_gathered_when_it_was_left_comes_one_by_one_too() -> None:
    results = stream(result("r0"), result("r1", 1, 1, value=WHOLE), result("r2", 2, 2))
    assert ids(next(results.batches())) == ["r0"]
    assert [one.request_id for one in results] == ["r1", "r2"]
    assert offsets(results) == {("results", 0): 3}


def requests(count: int) -> Sequence[Result]:
    """Each with two challengers."""
    return [
        one
        for number in range(count)
        for one in (
            result(f"r{number}", number, number, parts=2),
            challenger(f"r{number}", number, 2 * number),
            challenger(f"r{number}", number, 2 * number + 1, model="other"),
        )
    ]


def test_the_rest_of_a_request_that_two_tables_share_comes_when_the_loop_is_begun_again() -> None:
    results = stream(*requests(2), joined=True)
    shown = next(results.batches(rows_max=2)).select(["request_id", "model"]).to_pylist()
    assert [tuple(one.values()) for one in shown] == [("r0", "yolox"), ("r0", "rival")]
    assert offsets(results) == {("results", 0): 1, ("shadows", 0): 1}
    (rest,) = results.batches(rows_max=100)
    assert rest["model"].to_pylist() == ["other", "yolox", "rival", "other"]
    assert offsets(results) == {("results", 0): 2, ("shadows", 0): 4}


def test_a_table_that_is_cut_comes_whole_again_for_who_left_between_its_parts() -> None:
    many = encode_rows({"y": [np.array([number], np.float32) for number in range(5)]})
    results = stream(result("r0", 0, 0, value=many), result("r1", 1, 1))
    assert len(list(islice(results.batches(rows_max=2), 2))) == 2
    assert offsets(results)["results", 0] == 0
    assert [len(table) for table in results.batches(rows_max=2)] == [2, 2, 1, 1]
