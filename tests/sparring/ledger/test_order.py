"""The order of a key, as the account finds it. Pure."""

from dataclasses import replace

from sparring.ledger.account import account
from sparring.ledger.facts import Routed
from tests.sparring.ledger.facts_made import CHAMPION_1, DECIDED, answer, held, kinds, sent, shadow


def test_the_order_of_a_key_is_that_of_first_answers_by_one_process() -> None:
    frames = [sent(offset) for offset in range(3)]
    shadows = [shadow(offset) for offset in range(3)]
    swapped = [answer(1, at=0), answer(0, at=1), answer(2, at=2)]
    assert kinds(account(frames, swapped, shadows, [], held)) == ["out of order"]
    redelivered = [answer(0, at=0), answer(1, at=1), answer(0, at=2), answer(2, at=3)]
    assert account(frames, redelivered, shadows, [], held).in_order
    without_key = [replace(one, key=None) for one in frames]
    assert account(without_key, swapped, shadows, [], held).in_order
    by_the_new_champion = [answer(1, at=0, model="champion@2", pipeline_version="v2"), *swapped[1:]]
    assert account(frames, by_the_new_champion, shadows, [], held).in_order


def test_two_paths_that_end_in_one_model_may_overtake_each_other() -> None:
    by_b = {"v1": replace(CHAMPION_1, first="b@1")}
    shadows = [shadow(0), shadow(1)]
    swapped = [answer(1, at=0), answer(0, at=1)]
    assert account([sent(0), sent(1, decisions=by_b)], swapped, shadows, [], held).in_order
    together = [sent(0, decisions=by_b), sent(1, decisions=by_b)]
    assert kinds(account(together, swapped, shadows, [], held)) == ["out of order"]


def test_two_models_of_one_process_may_not() -> None:
    from_one = {**DECIDED, "v1": replace(CHAMPION_1, official=Routed("second@1", "sha", 1), challengers={})}
    frames = [sent(0), sent(1, decisions=from_one)]
    swapped = [answer(1, at=0, model="second@1"), answer(0, at=1)]
    assert kinds(account(frames, swapped, [shadow(0)], [], held)) == ["out of order"]


def test_challengers_out_of_order_are_counted_but_not_what_was_shed() -> None:
    frames, results = [sent(0), sent(1)], [answer(0), answer(1)]
    swapped = [shadow(1, at=0), shadow(0, at=1)]
    report = account(frames, results, swapped, [], held)
    assert report.in_order
    assert report.counts["challengers out of order"] == 1
    late = [shadow(1, at=0), shadow(0, at=1, status="shed", error="Shed")]
    assert account(frames, results, late, [], held).counts["challengers out of order"] == 0
