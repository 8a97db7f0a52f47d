"""Where reports go: to `on_report`, or they are kept until they are raised."""

import pytest

from schemas.errors import FrameTooLarge, ProduceError
from schemas.frames import Origin
from sparring.producer.reports import FAILURES_MAX, Report, Reports


def lost(request_id: str) -> Report:
    return Report(request_id, "", 7, None, ConnectionError("no broker"))


CONFIRMED = Report("well", "", 7, Origin("frames", 0, 3), None)
NARROW = Report("wide", "", 7, None, FrameTooLarge("the topic is narrow"))


def test_on_report_is_told_of_every_frame_and_then_nothing_is_raised() -> None:
    told: list[Report] = []
    reports = Reports(told.append)
    given = [CONFIRMED, lost("a"), NARROW]
    for report in given:
        reports.take(report)
    reports.check()
    reports.settle()
    assert told == given
    assert [report.confirmed for report in told] == [True, False, False]


def test_without_on_report_failures_are_raised_once_the_first_of_them_with_their_errors() -> None:
    reports = Reports(None)
    for number in range(FAILURES_MAX + 5):
        reports.take(CONFIRMED)
        reports.take(lost(f"own-{number}"))
    with pytest.raises(
        ProduceError, match=r"not confirmed: 15 frames: request own-0: no broker; .*; and 5 more"
    ) as raised:
        reports.settle()
    assert raised.value.count == 15
    assert list(raised.value.failures) == [f"own-{number}" for number in range(FAILURES_MAX)]
    assert isinstance(raised.value.failures["own-0"], ConnectionError)
    reports.settle()


def test_a_lost_broker_stands_in_the_way_of_the_next_frame_once_and_is_among_the_failures_all_the_same() -> None:
    reports = Reports(None)
    reports.take(lost("a"))
    with pytest.raises(ConnectionError, match="no broker; not confirmed so far: 1; this frame was not sent"):
        reports.check()
    reports.check()
    with pytest.raises(ProduceError, match="1 frame: "):
        reports.settle()


def test_a_frame_that_the_topic_does_not_take_stands_in_no_ones_way() -> None:
    reports = Reports(None)
    reports.take(NARROW)
    reports.check()
    with pytest.raises(ProduceError, match="request wide: the topic is narrow"):
        reports.settle()


def test_a_failure_that_somebody_else_was_told_of_is_not_raised() -> None:
    reports = Reports(None)
    for report in (one := lost("a"), lost("b")):
        reports.take(report)
    reports.forget(one, reports.settled)
    with pytest.raises(ProduceError, match="1 frame: request b:"):
        reports.settle()


def test_who_is_told_of_a_failure_after_it_was_raised_takes_no_other_failure_away() -> None:
    reports = Reports(None)
    reports.take(first := lost("a"))
    came = reports.settled
    with pytest.raises(ProduceError, match="1 frame: request a:"):
        reports.settle()
    reports.take(lost("b"))
    reports.forget(first, came)
    with pytest.raises(ProduceError, match="1 frame: request b:"):
        reports.settle()


def test_what_on_report_raises_is_raised_once_and_the_others_are_told_first() -> None:
    told: list[Report] = []

    def fussy(report: Report) -> None:
        told.append(report)
        raise LookupError(f"no row for {report.request_id}")

    reports = Reports(fussy)
    for report in (CONFIRMED, NARROW):
        reports.take(report)
    assert told == [CONFIRMED, NARROW]
    with pytest.raises(LookupError, match="no row for well"):
        reports.check()
    reports.settle()


def test_failures_are_noted_on_the_error_that_leaves_the_block() -> None:
    reports = Reports(None)
    error = KeyError("the user's own")
    reports.note_on(error)
    assert not hasattr(error, "__notes__")
    reports.take(lost("a"))
    reports.note_on(error)
    assert error.__notes__ == ["frames: not confirmed: 1 frame: request a: no broker"]
