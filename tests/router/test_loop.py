"""What a router's beat promises: hosts end the processes of old versions by it."""

from router.loop import FrameBatch, delivered_to


def test_a_beat_tells_of_the_catalog_as_far_as_it_is_read_where_all_is_delivered() -> None:
    assert delivered_to([], 9) == 9
    assert delivered_to([FrameBatch(5), FrameBatch(7)], 9) == 9


def test_a_beat_stays_behind_the_oldest_batch_with_a_challengers_task_that_is_not_delivered() -> None:
    sent = [FrameBatch(5), FrameBatch(6, shadows_open=1), FrameBatch(8, shadows_open=2)]
    assert delivered_to(sent, 9) == 6
    sent[1].shadows_open = 0
    assert delivered_to(sent, 9) == 8
