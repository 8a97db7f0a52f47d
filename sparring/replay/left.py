"""What is left of a source: the frames that no run has done yet. The others are counted, each for what it is."""

import threading
from collections.abc import Iterable, Iterator
from typing import assert_never

from sparring.replay.counts import Counts
from sparring.replay.frame import Gone, Reading, ReplayFrame, Unreadable
from sparring.replay.journal import Journal
from sparring.replay.source import TopicRange


class Left(Iterator[ReplayFrame]):
    """The frames that are still to be sent, in the source's order; `interrupt` may be called by a signal's handler.

    Args:
        found: what reading the source gives; errors of it go on to whoever iterates.
        journal: what was done before; it is told what is no longer there.
    """

    def __init__(self, found: Iterable[Reading], journal: Journal) -> None:
        source = journal.plan.source
        self.counts = Counts(journal.plan.frames, at_most=isinstance(source, TopicRange))
        self.interrupted = threading.Event()
        self._found = iter(found)
        self._journal = journal
        self._ahead: ReplayFrame | None = None
        self._next = {one.partition: one.begin for one in source.reaches} if isinstance(source, TopicRange) else None

    def __next__(self) -> ReplayFrame:
        if self._ahead is not None:
            frame, self._ahead = self._ahead, None
            return frame
        for one in self._found:
            self._pass(one)
            if self.interrupted.is_set():
                break
            match one:
                case ReplayFrame():
                    if not self._journal.is_written(one.number):
                        return one
                    self.counts.skipped += 1
                case Unreadable(why=why):
                    self.counts.refuse(why)
                case Gone(numbers=numbers):
                    self._journal.miss(numbers)
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

    def _pass(self, one: Reading) -> None:
        """How far the source is read: a range by its offsets, since other pipelines' frames are in it."""
        if self._next is None:
            self.counts.passed += 1
        elif isinstance(one, ReplayFrame) and one.origin is not None:
            place = one.origin
            self.counts.passed += place.offset + 1 - self._next[place.partition]
            self._next[place.partition] = place.offset + 1
