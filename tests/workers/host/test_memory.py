"""Whose process is started anew where all together hold more memory than their host may give."""

from schemas.limits import MIB
from schemas.names import ModelKey, ModelLane
from workers.host.memory import expected_bytes, outgrown

SMALL: ModelLane = (ModelKey("default", "small", "v1"), "official")
LARGE: ModelLane = (ModelKey("default", "large", "v1"), "shadow")
EXPECTED = {SMALL: expected_bytes(MIB), LARGE: expected_bytes(1000 * MIB)}


def test_nobody_is_started_anew_within_the_limit_or_without_one() -> None:
    held = {SMALL: 900 * MIB, LARGE: 2000 * MIB}
    assert outgrown(held, EXPECTED, 2900 * MIB) is None
    assert outgrown(held, EXPECTED, 0) is None
    assert outgrown({}, EXPECTED, 1) is None


def test_who_leaks_is_started_anew_and_not_who_is_large() -> None:
    assert outgrown({SMALL: 900 * MIB, LARGE: 2000 * MIB}, EXPECTED, 2800 * MIB) == SMALL


def test_too_many_models_for_a_host_are_no_leak() -> None:
    assert outgrown({SMALL: 150 * MIB, LARGE: 2000 * MIB}, EXPECTED, 1000 * MIB) is None
