"""The account: what is in order, and that each thing which is not is found. Pure."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.catalog import Switch
from schemas.tasks import SplitChoice
from sparring.ledger.account import LedgerReport, NoLongerKept, account
from sparring.ledger.facts import DeadLetterFact, Decision, IndexedAnswer, ObservedAnswer
from tests.sparring.ledger.facts_made import (
    CHAMPION_1,
    CHAMPION_2,
    HOUR_MS,
    SENT_MS,
    SWAPPED,
    answer,
    expired,
    held,
    kinds,
    letter,
    refused,
    sent,
    shadow,
)

PLACED = (SplitChoice(0, None, None, (("champion", 1),), "champion", "1", "sha"),)


def test_an_account_in_order_has_no_findings_and_counts_what_it_saw() -> None:
    frames = [sent(offset) for offset in range(3)]
    error = answer(2, status="error", error="StepFailed", value_digest="answer-2")
    report = account(
        frames,
        [answer(0), answer(1), answer(1, at=7), error, answer(9)],
        [shadow(0), shadow(0), shadow(1, status="shed", error="Shed"), shadow(2)],
        [DeadLetterFact("frames/0/2", "StepFailed", "bytes-2"), DeadLetterFact("frames/0/9", "StepFailed", "bytes-9")],
        held,
    )
    assert report.in_order, report.findings
    counts = report.counts
    assert (counts["frames"], counts["answers on results"], counts["duplicates on results"]) == (3, 4, 1)
    assert (counts["answered ok"], counts["answered error"], counts["dead letters"]) == (2, 1, 1)
    assert (counts["records on shadows"], counts["duplicates on shadows"], counts["shadows shed"]) == (4, 1, 1)


@pytest.mark.parametrize(
    ("results", "shadows", "dead", "found"),
    [
        ([], [shadow(0)], [], ["missing answer"]),
        ([answer(0)], [], [], ["missing challenger"]),
        ([answer(0, pipeline_version="v2", model="champion@2")], [], [], []),
        ([answer(0, model="rival@1")], [shadow(0)], [], ["wrong decision"]),
        ([answer(0), answer(0, at=1, model="rival@1")], [shadow(0)], [], ["wrong decision"]),
        ([answer(0, pipeline_version="never")], [shadow(0)], [], ["wrong decision"]),
        ([answer(0, digest="other")], [shadow(0)], [], ["other bytes"]),
        ([answer(0, status="error", error="StepFailed")], [shadow(0)], [], ["missing dead letter"]),
        (
            [answer(0, status="error", error="StepFailed")],
            [shadow(0)],
            [DeadLetterFact("frames/0/0", "StepFailed", "cut")],
            ["missing dead letter"],
        ),
        (
            [answer(0)],
            [shadow(0)],
            [DeadLetterFact("frames/0/0", "BadJson", "bytes-0")],
            ["dead letter without an error"],
        ),
        ([answer(0, value_digest="new")], [shadow(0)], [], ["other answer in the index"]),
        ([expired(pipeline_version=None, model=None)], [], [], ["wrong decision"]),
        ([expired()], [shadow(0)], [], ["wrong decision"]),
        ([answer(0)], [shadow(0, status="expired", error="Expired")], [], ["wrong decision"]),
        ([answer(0, status="shed", error="Shed")], [shadow(0)], [], ["wrong decision"]),
        ([answer(0, sha256="another")], [shadow(0)], [], ["wrong decision"]),
        ([answer(0, parts=0)], [shadow(0)], [], ["wrong decision"]),
        ([answer(0, split=PLACED)], [shadow(0)], [], ["wrong decision"]),
        ([answer(0)], [shadow(0, parts=2)], [], ["wrong decision"]),
        ([answer(0, pipeline="default/other")], [shadow(0)], [], ["wrong decision", "not in the index"]),
        ([answer(0)], [shadow(0), shadow(0, model="stranger@1")], [], ["wrong decision"]),
        ([answer(0)], [shadow(0, digest="other")], [], ["other bytes"]),
        ([answer(0)], [shadow(0, sha256="another")], [], ["wrong decision"]),
    ],
)
def test_each_thing_that_does_not_hold_is_found(
    results: list[ObservedAnswer], shadows: list[ObservedAnswer], dead: list[DeadLetterFact], found: list[str]
) -> None:
    assert kinds(account([sent(0)], results, shadows, dead, held)) == found


def test_a_dead_letter_may_be_left_of_a_frame_that_expired_before_it_was_read_again() -> None:
    """Of a refused frame the broker took the dead letter and not the answer; what follows is decided anew."""
    frame = sent(0, decisions={"v1": replace(CHAMPION_1, lives_ms=5)})
    late = expired(published_at=SENT_MS + 10)

    def found(answers: list[ObservedAnswer], error: str) -> list[str]:
        return kinds(account([frame], answers, [shadow(0)], [letter(error)], None))

    assert found([late], "UnknownContentType") == []
    assert found([answer(0, status="error", error="UnknownContentType"), late], "UnknownContentType") == []
    assert found([answer(0)], "UnknownContentType") == ["dead letter without an error"]
    assert found([late], "Expired") == ["dead letter without an error"]
    early = expired(published_at=SENT_MS + 4)
    assert found([early], "UnknownContentType") == ["wrong decision"]
    report = account([frame], [late], [shadow(0)], [letter("StepFailed")], None)
    assert report.counts["refused, then expired when read again"] == 1


def test_what_the_index_holds_is_asked_by_request() -> None:
    frames, results, shadows = [sent(0), sent(1)], [answer(0), answer(1)], [shadow(0), shadow(1)]
    mine, other = held(answer(0)), held(answer(1))
    assert mine is not None
    assert other is not None

    def asked(answer: IndexedAnswer | NoLongerKept | None) -> LedgerReport:
        return account(frames[:1], results, shadows, [], lambda _: answer)

    def crossed(answer: ObservedAnswer) -> IndexedAnswer:
        return other if answer.request_id == "r0" else mine

    assert kinds(asked(None)) == ["not in the index"]
    assert kinds(asked(other)) == ["other answer in the index"]  # one that lies outside of the time
    assert kinds(asked(replace(mine, pipeline="default/other"))) == ["other answer in the index"]
    assert kinds(account(frames, results, shadows, [], crossed)) == ["other answer in the index"] * 2
    assert asked("no longer kept").in_order
    assert asked("no longer kept").counts["no longer kept in Redis"] == 1
    assert account(frames, results, shadows, [], None).in_order


def test_two_frames_of_one_request_id_share_what_the_index_holds() -> None:
    frames = [sent(0), sent(1, request_id="r0")]
    results = [answer(0), answer(1, request_id="r0")]
    shadows = [shadow(0), shadow(1, request_id="r0")]
    assert account(frames, results, shadows, [], held).in_order
    assert account(frames[1:], results, shadows, [], held).in_order


def test_a_version_answers_only_while_it_is_live() -> None:
    def answered(by: str, produced_at: int, published_at: int) -> list[str]:
        frame = sent(0, produced_at=produced_at)
        model = f"champion@{by[1:]}"
        results = [answer(0, pipeline_version=by, model=model, published_at=published_at)]
        shadows = [shadow(0, published_at=published_at)] if by == "v1" else []
        return kinds(account([frame], results, shadows, [], None))

    early, now, late = SENT_MS - HOUR_MS, SENT_MS, SENT_MS + HOUR_MS
    assert answered("v1", early, early) == []
    assert answered("v1", now, now) == []
    assert answered("v2", late, late) == []
    assert answered("v2", early, late) == []  # it waited
    assert answered("v1", early, late) == []  # its answer did
    assert answered("v1", late, late) == ["wrong decision", "wrong decision"]  # its challenger's answer, too
    assert answered("v2", early, early) == ["wrong decision"]
    assert answered("v1", late, early) == []  # the camera's clock is ahead
    assert answered("v2", late, early) == ["wrong decision"]


@pytest.mark.parametrize(
    ("history", "right"),
    [
        ((), True),
        ((Switch(HOUR_MS, "v1", ""),), False),
        ((Switch(SENT_MS, "v1", ""),), True),
        ((Switch(SENT_MS - HOUR_MS, "v1", ""), Switch(SENT_MS + HOUR_MS, None, "")), False),
        ((Switch(SENT_MS - HOUR_MS, "v1", ""), Switch(SENT_MS + 20, None, "")), True),
        ((Switch(HOUR_MS, None, ""), Switch(2 * HOUR_MS, "v1", "")), False),
    ],
)
def test_nobody_is_there_only_where_no_version_was_live_then(history: tuple[Switch, ...], *, right: bool) -> None:
    for error in ("UnknownPipeline", "NotDeployed"):
        report = account([sent(0, history=history)], [refused(error)], [], [letter(error)], None)
        assert kinds(report) == ([] if right else ["wrong decision"])


def test_a_frame_is_refused_before_any_version_only_as_one_that_was_live_refuses_it() -> None:
    def answered(error: str, **frame: Any) -> list[str]:
        return kinds(account([sent(0, **frame)], [refused(error)], [], [letter(error)], None))

    split = {"v1": Decision(refused="HashKeyOutOfRange"), "v2": CHAMPION_2}
    assert answered("HashKeyOutOfRange", decisions=split) == []
    assert answered("BadJson", decisions=split) == ["wrong decision"]
    assert answered("HashKeyOutOfRange") == ["wrong decision"]
    assert answered("HashKeyOutOfRange", decisions=split, history=SWAPPED[1:]) == ["wrong decision"]
    later = refused("HashKeyOutOfRange", published_at=SENT_MS + HOUR_MS)
    waited = sent(0, decisions=split, produced_at=SENT_MS + HOUR_MS)
    assert kinds(account([waited], [later], [], [letter("HashKeyOutOfRange")], None)) == ["wrong decision"]
    assert answered("FrameTooLarge", refused="FrameTooLarge") == []
    assert answered("UnknownPipeline", refused="FrameTooLarge", history=()) == ["wrong decision"]
    assert answered("BadHeader", refused="MissingHeader") == [], "its headers' names cannot be read"
    assert answered("BadHeader", refused="FrameTooLarge") == ["wrong decision"]


def test_a_frame_expires_at_its_deadline_and_not_before() -> None:
    aged = {"v1": replace(CHAMPION_1, challengers={}, lives_ms=HOUR_MS)}
    frame = sent(0, decisions=aged, history=SWAPPED[:1])

    def answered(answer: ObservedAnswer, *challengers: ObservedAnswer) -> list[str]:
        return kinds(account([frame], [answer], challengers, [], None))

    for early in (expired(), expired(pipeline_version=None, model=None)):
        assert answered(early) == ["wrong decision"]
        assert answered(replace(early, published_at=SENT_MS + HOUR_MS)) == []
    nobody = refused("UnknownPipeline")
    assert kinds(account([frame], [nobody], [], [letter("UnknownPipeline")], None)) == ["wrong decision"]


def test_a_frame_that_lies_elsewhere_is_accounted_for_without_its_bytes() -> None:
    assert account([sent(0, digest=None)], [answer(0)], [shadow(0)], [], held).in_order


def test_an_error_that_is_not_named_has_no_dead_letter() -> None:
    report = account([sent(0)], [answer(0, status="error", error=None)], [shadow(0)], [], None)
    assert kinds(report) == ["missing dead letter"]
