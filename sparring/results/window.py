"""Results between their arrival and their release: a result waits for its order and for its challengers.

Results that the query excludes, and duplicates, are dropped. `ReadProgress` tracks which results still wait: a commit
must not pass them. Pure: the time is an argument.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.limits import MIB
from sparring.results.joining import Joiner
from sparring.results.ordering import Sequencer
from sparring.results.query import Filter, ResultQuery
from sparring.results.result import Result

SEEN_MAX: Final = 100_000


@dataclass(slots=True)
class Seen:
    """The results that were released already, by request and model.

    It holds the newest `most`: a duplicate behind more than that many others counts as new.
    """

    most: int = SEEN_MAX
    ids: OrderedDict[tuple[str, ...], None] = field(default_factory=OrderedDict)

    def is_new(self, result: Result) -> bool:
        """Whether it is the first of its kind. It is recorded."""
        named = _id(result)
        if named in self.ids:
            return False
        self.ids[named] = None
        if len(self.ids) > self.most:
            self.ids.popitem(last=False)
        return True

    def forget(self, result: Result) -> None:
        """Drop it: it was not released, and will be delivered again."""
        self.ids.pop(_id(result), None)


def is_wanted(result: Result, wanted: Filter, *, joined: bool) -> bool:
    """Whether a result passes. In a joined stream the model is the official one's: its challengers pass, too."""
    return wanted.takes(result.answer, any_model=joined and not result.official)


def _id(result: Result) -> tuple[str, ...]:
    """A request has one official answer, of any model, and one answer per challenger of a version."""
    if result.official:
        return (result.pipeline, result.request_id)
    return (result.pipeline, result.request_id, str(result.pipeline_version), result.arm)


@dataclass(slots=True)
class _Read:
    """following: the offset after the last record read. held: results read and not released, in order."""

    following: int
    held: dict[int, Result] = field(default_factory=dict)


@dataclass(slots=True)
class ReadProgress:
    """Which results are read and not yet released: they wait in a window or a batch."""

    partitions: dict[tuple[str, int], _Read] = field(default_factory=dict)
    held_bytes: int = 0

    def read(self, result: Result) -> None:
        """A result was read."""
        self.passed(result.topic, result.partition, result.offset)
        self.partitions[result.topic, result.partition].held[result.offset] = result
        self.held_bytes += len(result.answer.value)

    def passed(self, topic: str, partition: int, offset: int) -> None:
        """A record was read that is no result."""
        one = self.partitions.setdefault((topic, partition), _Read(offset + 1))
        one.following = max(one.following, offset + 1)

    def done(self, result: Result) -> None:
        """A result was released, or is excluded."""
        one = self.partitions.get((result.topic, result.partition))
        if one is not None and one.held.pop(result.offset, None) is not None:
            self.held_bytes -= len(result.answer.value)

    def holds(self, result: Result) -> bool:
        """Whether a result is read and not released."""
        one = self.partitions.get((result.topic, result.partition))
        return one is not None and result.offset in one.held

    def held(self) -> Iterator[Result]:
        """The results that are read and not released."""
        for one in self.partitions.values():
            yield from one.held.values()

    def offsets(self) -> dict[tuple[str, int], int]:
        """By topic and partition, the offset of the first result that is not released: a commit goes up to there."""
        return {place: next(iter(one.held), one.following) for place, one in self.partitions.items()}


HELD_BYTES_MAX: Final = 256 * MIB
"""Values of results that wait; above it nothing waits any longer."""


class Window:
    """Takes results as they arrive; releases `Result` or `JoinedResult`, as the query asks for."""

    def __init__(self, question: ResultQuery) -> None:
        self._question = question
        self._seen = Seen() if question.distinct or question.joined else None
        self._begin()

    def take(self, result: Result) -> None:
        """A result was read."""
        self.progress.read(result)
        wanted = self._is_wanted(result)
        if wanted and self._joiner is not None:
            unwanted = self._joiner.take(result)
            for one in unwanted:
                self.progress.done(one)
            wanted = result.official and result not in unwanted
        elif not wanted:
            self.progress.done(result)
        if not self._waits_for_its_turn(result, wanted=wanted) and wanted:
            self._turn(result)

    def release(self, watermark_ms: float) -> Iterator[Any]:
        """Those that wait no longer, when all that was published until `watermark_ms` (Unix ms) has been taken."""
        if self.progress.held_bytes > HELD_BYTES_MAX:
            watermark_ms = math.inf
        if self._sequencer is not None:
            for result in self._sequencer.ready(watermark_ms):
                self._turn(result)
        yield from self._ready
        self._ready.clear()
        if self._joiner is not None:
            yield from self._joiner.ready(watermark_ms)
            for result in self._joiner.given_up(watermark_ms):
                self.progress.done(result)

    def begin_again(self) -> None:
        """What waits comes again, here or elsewhere."""
        if self._seen is not None:
            for result in self.progress.held():
                self._seen.forget(result)
        self._begin()

    def _begin(self) -> None:
        question = self._question
        self.progress = ReadProgress()
        self._ready: list[Result] = []
        self._sequencer: Sequencer[Result] | None = (
            Sequencer(question.late_ms, question.window) if question.ordered else None
        )
        self._joiner = Joiner(question.late_ms, question.window) if question.joined else None

    def _is_wanted(self, result: Result) -> bool:
        wanted = is_wanted(result, self._question.wanted, joined=self._question.joined)
        return wanted and (self._seen is None or self._seen.is_new(result))

    def _waits_for_its_turn(self, result: Result, *, wanted: bool) -> bool:
        if self._sequencer is None or not result.official:
            return False
        return self._sequencer.take(result.frame, result.answer.published_at, result if wanted else None)

    def _turn(self, result: Result) -> None:
        if self._joiner is None:
            self._ready.append(result)
        else:
            self._joiner.release(result)
