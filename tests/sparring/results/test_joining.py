"""A champion and its challengers, in any order of coming; the late are given up by the time that is passed in."""

import math

from hypothesis import given
from hypothesis import strategies as st

from sparring.results.joining import Joiner
from sparring.results.result import JoinedResult, Result
from tests.sparring.results.made import challenger, result


def taken(joiner: Joiner, *results: Result) -> list[str]:
    """Where those lie that nobody waits for. The turn of an official one has come."""
    return [unwanted.place for one in results for unwanted in took(joiner, one)]


def took(joiner: Joiner, one: Result) -> list[Result]:
    unwanted = joiner.take(one)
    if one.official and one not in unwanted:
        joiner.release(one)
    return unwanted


def shown(joiner: Joiner, watermark_ms: float) -> list[tuple[str, list[str], int]]:
    return [(one.official.request_id, sorted(one.challengers), one.missing) for one in joiner.ready(watermark_ms)]


def test_a_request_is_complete_when_all_its_challengers_are_there_however_early() -> None:
    joiner = Joiner(1000, 10)
    taken(joiner, challenger("a", 5), result("a", 10, parts=2))
    assert shown(joiner, 11) == []
    taken(joiner, challenger("a", 20, 1, model="other"))
    assert shown(joiner, 20) == [("a", ["other@v1", "rival@v1"], 0)]


def test_requests_come_in_the_order_of_their_official_results() -> None:
    joiner = Joiner(1000, 10)
    taken(joiner, result("a", 10, parts=1), result("b", 11))
    assert shown(joiner, 11) == []
    taken(joiner, challenger("a", 12))
    assert shown(joiner, 12) == [("a", ["rival@v1"], 0), ("b", [], 0)]


def test_the_late_are_not_waited_for_and_told_when_they_come() -> None:
    joiner = Joiner(1000, 10)
    taken(joiner, result("a", 10, parts=1))
    assert shown(joiner, 1010) == []
    assert taken(joiner, challenger("a", 1011, 7)) == ["shadows/0/7"]
    assert shown(joiner, 1011) == [("a", [], 1)]


def test_a_challenger_whose_champion_does_not_come_is_let_go_when_it_is_late_s_old() -> None:
    joiner = Joiner(1000, 10)
    taken(joiner, challenger("a", 10, 3), challenger("b", 20, 4))
    assert list(joiner.given_up(1010)) == []
    assert [one.place for one in joiner.given_up(1011)] == ["shadows/0/3"]
    assert taken(joiner, result("b", 1021, parts=1)) == ["shadows/0/4"]


def test_a_challenger_of_another_version_of_the_pipeline_is_not_among_its_parts() -> None:
    joiner = Joiner(1000, 10)
    assert taken(joiner, challenger("a", 1, 5, pipeline_version="old"), result("a", 2, parts=1)) == ["shadows/0/5"]
    assert taken(joiner, challenger("a", 3, 6, pipeline_version="old")) == ["shadows/0/6"]
    assert shown(joiner, math.inf) == [("a", [], 1)]


def test_while_a_champion_waits_for_its_turn_its_challengers_are_gathered_and_it_holds_up_no_other() -> None:
    joiner = Joiner(1000, 10)
    joiner.take(challenger("a", 1000))
    joiner.take(first := result("a", 1050, parts=1))
    assert list(joiner.given_up(9000)) == []
    assert taken(joiner, result("b", 1100)) == []
    assert shown(joiner, 9000) == [("b", [], 0)]
    joiner.release(first)
    assert shown(joiner, 9000) == [("a", ["rival@v1"], 0)]


def test_a_second_official_result_of_a_request_that_still_waits_is_not_taken() -> None:
    joiner = Joiner(1000, 10)
    taken(joiner, result("a", 1, 0, parts=1))
    assert taken(joiner, result("a", 2, 1, parts=1)) == ["results/0/1"]
    assert shown(joiner, math.inf) == [("a", [], 1)]


def test_what_waits_is_bounded_by_the_window_on_either_side() -> None:
    joiner = Joiner(10**9, 2)
    taken(joiner, *(result(str(number), number, number, parts=1) for number in range(4)))
    assert [one[0] for one in shown(joiner, 0)] == ["0", "1"]
    taken(joiner, *(challenger(f"x{number}", number, number) for number in range(4)))
    assert [one.request_id for one in joiner.given_up(0)] == ["x0", "x1"]


@given(order=st.permutations(range(9)), late_ms=st.integers(0, 20), window=st.integers(1, 10))
def test_each_result_ends_in_one_place_whatever_the_order(order: list[int], late_ms: int, window: int) -> None:
    """Three requests with two challengers each."""
    made = [
        one
        for number in range(3)
        for one in (
            result(str(number), number, number, parts=2),
            challenger(str(number), number, number * 2),
            challenger(str(number), number, number * 2 + 1, model="other"),
        )
    ]
    joiner = Joiner(late_ms, window)
    joined: list[JoinedResult] = []
    let_go: list[Result] = []
    for now_ms, at in enumerate(order):
        let_go += took(joiner, made[at])
        joined += joiner.ready(now_ms)
        let_go += joiner.given_up(now_ms)
    joined += joiner.ready(math.inf)
    let_go += joiner.given_up(math.inf)
    places = [one.place for whole in joined for one in whole.results()] + [one.place for one in let_go]
    assert sorted(places) == sorted(one.place for one in made)
    assert all(one.missing == 2 - len(one.challengers) for one in joined)
    if late_ms == 20 and window == 10:
        assert not let_go
