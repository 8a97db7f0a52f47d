import pytest

from benchmarks.numbers import (
    WAYS,
    Latency,
    Pass,
    Spread,
    Way,
    all_cpu_ms_per_frame,
    cpu_ms_per_frame,
    cpu_ratio,
    fps,
    idle_cpu_ms_per_s,
    other_cores,
    percentile,
    ratio,
    turns,
)


def measured(way: Way, number: int, seconds: float, cpu_s: float = 1.0) -> Pass:
    return Pass(way, number, 100, seconds, {"router": cpu_s, "kafka": 1.0}, {"host": 0.1}, 0.5)


TWO_ROUNDS = [
    measured("plain", 0, 1.0),
    measured("bare", 0, 2.0),
    measured("whole", 0, 4.0),
    # The machine is twice as slow in the second round, and the whole system catches up.
    measured("whole", 1, 4.0, cpu_s=3.0),
    measured("plain", 1, 2.0),
    measured("bare", 1, 4.0),
]


def test_each_round_has_every_way_once_and_begins_with_another() -> None:
    assert {way for number in range(3) for way in turns(number)[:1]} == set(WAYS)
    assert all(sorted(turns(number)) == sorted(WAYS) for number in range(3))


def test_frames_per_second_are_the_median_of_the_rounds_beside_the_lowest_and_the_highest() -> None:
    assert fps(TWO_ROUNDS, "bare") == Spread(37.5, 25.0, 50.0)


def test_a_ratio_compares_passes_of_the_same_round_only() -> None:
    assert ratio(TWO_ROUNDS, "whole", "bare") == Spread(0.75, 0.5, 1.0)
    assert ratio(TWO_ROUNDS, "bare", "plain") == Spread(0.5, 0.5, 0.5)


def test_cpu_is_counted_per_frame_and_process_and_in_all() -> None:
    assert cpu_ms_per_frame(TWO_ROUNDS, "whole") == {"router": 20.0, "kafka": 10.0}
    assert all_cpu_ms_per_frame(TWO_ROUNDS, "whole") == Spread(30.0, 20.0, 40.0)


def test_frames_per_cpu_second_are_compared_whatever_else_the_machine_did() -> None:
    assert cpu_ratio(TWO_ROUNDS, "whole", "bare") == pytest.approx(2 / 3)


def test_what_waits_for_its_turn_is_counted_per_second_beside_the_plain_loop() -> None:
    assert idle_cpu_ms_per_s(TWO_ROUNDS) == {"host": pytest.approx(75.0)}
    assert other_cores(TWO_ROUNDS, "whole") == pytest.approx(0.125)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(200, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (100.0, 198.0, 200.0)
    assert percentile([7.0], 99) == 7.0


def test_what_the_queue_adds_is_the_way_to_results_without_decode_and_inference() -> None:
    assert Latency(work_ms=20.0, results_ms=27.5).added_ms == 7.5
