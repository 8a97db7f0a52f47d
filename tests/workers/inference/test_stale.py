"""Load shedding: which challengers' tasks do not run."""

from random import Random

from workers.inference.stale import ShedPolicy, hash_position


def test_without_the_setting_only_what_is_too_old_is_shed() -> None:
    shed_policy = ShedPolicy(age_ms_max=60_000, shed_after_ms=0)
    assert shed_policy.reason_to_shed("r", 60_000) is None
    assert shed_policy.reason_to_shed("r", 60_001) == (
        "the task was 60001 ms old when its turn came; expected at most 60000 ms"
    )


def test_beyond_its_age_a_share_is_done_that_shrinks_with_the_age(seed: int) -> None:
    rng = Random(seed)
    ids = [f"request-{rng.randrange(10**12)}" for _ in range(4_000)]
    shed_policy = ShedPolicy(age_ms_max=60_000, shed_after_ms=1_000)
    for age_ms, share in ((1_000, 1.0), (2_000, 0.5), (10_000, 0.1)):
        done = sum(shed_policy.reason_to_shed(request_id, age_ms) is None for request_id in ids)
        assert abs(done - share * len(ids)) <= 6 * (len(ids) * share * (1 - share)) ** 0.5
    assert "only 50% of the requests" in str(shed_policy.reason_to_shed(max(ids, key=hash_position), 2_000))


def test_what_is_done_when_late_would_also_be_done_when_less_late() -> None:
    shed_policy = ShedPolicy(age_ms_max=60_000, shed_after_ms=1_000)
    ids = [f"request-{number}" for number in range(500)]
    late, later = (
        {request_id for request_id in ids if shed_policy.reason_to_shed(request_id, age) is None}
        for age in (3_000, 9_000)
    )
    assert later < late
