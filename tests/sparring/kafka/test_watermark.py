"""How far reading has come, in time: by what was given and what the broker said, never by the clock alone."""

import math

from kafka import TopicPartition

from sparring.kafka.watermark import Watermark

A, B = (TopicPartition("t", number) for number in range(2))


def test_it_is_what_the_partition_that_is_furthest_behind_has_reached() -> None:
    watermark = Watermark([A, B])
    watermark.given(A, 50)
    assert watermark.at_ms() == -math.inf
    watermark.given(B, 30)
    assert watermark.at_ms() == 30
    watermark.given(B, 20)
    assert watermark.at_ms() == 30


def test_a_partition_that_was_read_to_its_end_is_as_far_as_when_the_end_was_asked() -> None:
    watermark = Watermark([A, B])
    watermark.given(A, 50)
    watermark.told({A: 3, B: 7}, 60)
    watermark.reached(B, 6)
    assert (watermark.at_ms(), watermark.behind) == (-math.inf, [A, B])
    watermark.reached(B, 7)
    assert (watermark.at_ms(), watermark.behind) == (50, [A])
    watermark.reached(A, 4)
    assert (watermark.at_ms(), watermark.behind) == (60, [])


def test_what_is_reached_counts_once_so_that_a_broker_that_is_silent_moves_nothing() -> None:
    watermark = Watermark([A])
    watermark.told({A: 3}, 60)
    for _ in range(2):
        watermark.reached(A, 3)
    assert watermark.at_ms() == 60
    watermark.told({A: 5}, 90)
    watermark.reached(A, 4)
    assert watermark.at_ms() == 60


def test_partitions_of_others_are_none_of_its_concern() -> None:
    watermark = Watermark([A])
    watermark.told({A: 0, B: 9}, 60)
    watermark.given(B, 1)
    watermark.reached(B, 9)
    watermark.reached(A, 0)
    assert watermark.at_ms() == 60
    assert Watermark().at_ms() == -math.inf
