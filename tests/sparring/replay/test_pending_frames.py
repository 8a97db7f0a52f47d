"""What is left of a source: what is done, unreadable or gone is counted and not sent."""

from collections.abc import Iterator
from pathlib import Path

from sparring.replay.frame import ExpiredFrames, FrameOfOtherPipeline, Reading, UnreadableFrame
from sparring.replay.journal import Journal
from sparring.replay.pending_frames import PendingFrames
from sparring.replay.source import ReplayRange, TopicRange
from tests.sparring.replay.made import frame, plan

PARTITIONS = 1 << 20


def test_what_is_done_unreadable_or_gone_is_passed_over_and_counted(tmp_path: Path) -> None:
    found: list[Reading] = [
        frame(0),
        UnreadableFrame(1, "b.jpg: empty"),
        frame(2),
        ExpiredFrames(range(3, 5)),
        frame(9),
    ]
    with Journal.begin(tmp_path, plan(frames=6)) as journal:
        journal.sending(0)
        journal.wrote([0], [])
        left = PendingFrames(found, journal)
        assert [one.number for one in left] == [2, 9]
        counts = left.counts
        assert (counts.skipped, counts.refused, counts.refusals) == (1, 1, ["b.jpg: empty"])
        assert (counts.frames, counts.at_most, counts.passed, journal.missing) == (6, False, 6, 2)


def test_whether_any_is_left_is_known_before_the_first_is_taken(tmp_path: Path) -> None:
    with Journal.begin(tmp_path, plan()) as journal:
        assert not PendingFrames([UnreadableFrame(0, "a"), ExpiredFrames(range(1, 2))], journal).any()
        left = PendingFrames([frame(1), frame(2)], journal)
        assert left.any()
        assert left.any()
        assert [one.number for one in left] == [1, 2]
        assert not left.any()


def test_an_interrupt_ends_it_while_it_passes_over_what_is_done(tmp_path: Path) -> None:
    with Journal.begin(tmp_path, plan()) as journal:
        journal.wrote(range(1000), [])
        read: list[int] = []

        def some() -> Iterator[Reading]:
            for number in range(1000):
                if number == 10:
                    left.interrupt()
                read.append(number)
                yield frame(number)

        left = PendingFrames(some(), journal)
        assert not left.any()
        assert (len(read), left.counts.skipped) == (11, 10)


def test_an_interrupt_ends_it_while_other_pipelines_frames_are_read(tmp_path: Path) -> None:
    with Journal.begin(tmp_path, plan()) as journal:

        def others() -> Iterator[Reading]:
            for number in range(1000):
                if number == 10:
                    left.interrupt()
                yield FrameOfOtherPipeline()

        left = PendingFrames(others(), journal)
        assert not left.any()
        assert left.counts.passed == 11


def test_what_could_not_be_read_and_is_gone_later_is_missing(tmp_path: Path) -> None:
    with Journal.begin(tmp_path, plan()) as journal:
        assert [one.number for one in PendingFrames([UnreadableFrame(0, "not one"), frame(1)], journal)] == [1]
        journal.sending(1)
        assert (journal.counts(), journal.missing) == ((1, 0, 0), 0)
        assert (
            list(
                PendingFrames([ExpiredFrames(range(0, 1, PARTITIONS)), ExpiredFrames(range(1, 2, PARTITIONS))], journal)
            )
            == []
        )
        assert journal.missing == 2


def test_how_far_a_range_is_read_is_told_by_its_offsets_since_other_pipelines_frames_lie_between(
    tmp_path: Path,
) -> None:
    source = TopicRange("sparring.frames", (ReplayRange(0, 100, 1100), ReplayRange(1, 0, 500)), "shelf")
    with Journal.begin(tmp_path, plan(source=source, frames=1500)) as journal:
        left = PendingFrames(
            [*[FrameOfOtherPipeline()] * 49, frame(149), *[FrameOfOtherPipeline()] * 149, frame(299)], journal
        )
        assert [left.counts.passed for _ in left] == [50, 200]
        assert left.counts.at_most


def test_what_a_run_before_passed_over_is_not_missing_when_it_goes(tmp_path: Path) -> None:
    """Of offsets 0 to 9: 0, 3 and 6 are of this pipeline and were sent, 0 is written, 1, 2, 4 and 5 are others'; then
    all below 8 went, in partition 0."""
    with Journal.begin(tmp_path, plan()) as journal:
        for offset in (0, 3, 6):
            journal.sending(offset * PARTITIONS)
        journal.sending(7 * PARTITIONS + 1)  # of another partition
        journal.wrote([0], [])
        for _ in range(2):
            assert list(PendingFrames([ExpiredFrames(range(0, 8 * PARTITIONS, PARTITIONS))], journal)) == []
            assert journal.missing == 3, "3 and 6, sent and not written; 7, which nobody has read"
