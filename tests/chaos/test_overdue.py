"""A round fails where a result came long after its frame had expired: nobody waited for it any more."""

from schemas.results import Answer, Status
from tests.chaos.arena import OVERDUE_MS_MAX, overdue

EXPIRED_AT = 1_000_000


def _answer(request_id: str, status: Status, late_ms: int) -> Answer:
    at = EXPIRED_AT + late_ms
    return Answer(b"camera-0", b"", request_id, status, "default/chaos", "sparring.frames/0/0", "", at)


def test_a_result_is_overdue_where_its_frame_had_expired_for_longer_than_runs_take() -> None:
    late = _answer(f"chaos-990000-{EXPIRED_AT}-1", "ok", OVERDUE_MS_MAX + 1)
    assert overdue([late]) == [late.request_id]


def test_what_was_in_time_when_its_turn_came_or_is_answered_as_expired_is_not_overdue() -> None:
    in_time = _answer(f"chaos-990000-{EXPIRED_AT}-1", "ok", OVERDUE_MS_MAX)
    expired = _answer(f"chaos-990000-{EXPIRED_AT}-2", "expired", OVERDUE_MS_MAX + 1)
    patient = _answer("chaos-990000--3", "ok", OVERDUE_MS_MAX + 1)
    beside = _answer("pwbLiM-mQJy-YNTx8fMqrQ-.0.12", "ok", OVERDUE_MS_MAX + 1)
    assert overdue([in_time, expired, patient, beside]) == []
