"""The frames of a source, with the same order and numbers at each reading; and those that no run has done."""

import threading
from collections.abc import Iterable, Iterator
from typing import assert_never

from sparring.frames.headers import frame_bytes_max
from sparring.replay.dataset_frames import frames_of_rows
from sparring.replay.file_frames import frames_of_files
from sparring.replay.frame import ExpiredFrames, FrameOfOtherPipeline, Reading, ReplayFrame, UnreadableFrame
from sparring.replay.journal import Journal
from sparring.replay.plan import ReplayCounts
from sparring.replay.source import DatasetFrames, DeadLetters, Files, FrameSource, SelectedFrames, TopicRange
from sparring.replay.topic_frames import frames_of_letters, frames_on_topic
from sparring.system.connection import Connection


def read_frames(connection: Connection, source: FrameSource) -> Iterator[Reading]:
    """The source's frames, with those that cannot be read, are gone, or are others, in their places.

    Raises:
        ConnectionError: the broker does not answer.
        SparringError, OSError: the dataset cannot be read, or the store of files does not answer.
    """
    match source:
        case TopicRange() | SelectedFrames():
            yield from frames_on_topic(connection, source)
        case DeadLetters():
            yield from frames_of_letters(connection, source)
        case Files(paths=paths):
            yield from frames_of_files(paths, frame_bytes_max(connection.settings.reference_store))
        case DatasetFrames():
            yield from frames_of_rows(source)
        case _:
            assert_never(source)


class PendingFrames(Iterator[ReplayFrame]):
    """The frames that are still to be sent, in the source's order; `interrupt` may be called by a signal's handler.

    Args:
        found: what reading the source gives; errors of it go on to whoever iterates.
        journal: what was done before; it is told what is no longer there.
    """

    def __init__(self, found: Iterable[Reading], journal: Journal) -> None:
        source = journal.plan.source
        self.counts = ReplayCounts(journal.plan.frames, at_most=isinstance(source, TopicRange))
        self.interrupted = threading.Event()
        self._found = iter(found)
        self._journal = journal
        self._ahead: ReplayFrame | None = None

    def __next__(self) -> ReplayFrame:
        if self._ahead is not None:
            frame, self._ahead = self._ahead, None
            return frame
        for one in self._found:
            self.counts.passed += len(one.numbers) if isinstance(one, ExpiredFrames) else 1
            if self.interrupted.is_set():
                break
            match one:
                case ReplayFrame():
                    if not self._journal.is_written(one.number):
                        return one
                    self.counts.skipped += 1
                case UnreadableFrame(number=number, why=why):
                    self._journal.refuse(number)
                    self.counts.refuse(why)
                case ExpiredFrames(numbers=numbers):
                    self._journal.miss(numbers)
                case FrameOfOtherPipeline():
                    pass
                case _:
                    assert_never(one)
        raise StopIteration

    def any(self) -> bool:
        """Whether a frame is left: the source is read up to it."""
        if self._ahead is None:
            self._ahead = next(self, None)
        return self._ahead is not None

    def interrupt(self) -> None:
        """Nothing more is left."""
        self.interrupted.set()
