"""What a replay says while it goes on."""

from sparring.cli.replay.summary import line, seconds_left
from sparring.replay.plan import ReplayCounts


def test_the_time_left_of_a_range_is_that_of_its_offsets_and_not_of_its_frames() -> None:
    """A fifth of 10,000 offsets are frames of this pipeline: half of them took 100 s."""
    counts = ReplayCounts(10_000, at_most=True, passed=5_000, sent=1_000, answered=1_000, statuses={"ok": 1_000})
    assert seconds_left(counts, 100) == 100
    assert line(counts, 100) == ("1,000 of at most 10,000 frames, 0 under way; 10.0 frames/s, at most 1 min 40 s left")


def test_what_was_passed_before_the_first_was_sent_took_no_time_and_what_is_under_way_still_does() -> None:
    counts = ReplayCounts(1_000, passed=700, passed_before=500, skipped=500, sent=200, answered=100)
    assert seconds_left(counts, 10) == 300 * 10 / 200 + 100 * 10 / 100
    assert line(counts, 10) == "600 of 1,000 frames, 100 under way; 10.0 frames/s, 25 s left"


def test_where_nobody_knows_how_many_there_are_no_time_is_said() -> None:
    assert line(ReplayCounts(None, passed=9, sent=9, answered=9), 3) == "9 frames, 0 under way; 3.0 frames/s"
    assert seconds_left(ReplayCounts(9), 3) is None
