"""What `client.results` returns: read a record, put it where it belongs, hand out what is ready; commit when told."""

import math
import warnings
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import pyarrow as pa

from schemas.limits import MIB
from schemas.topics import TopicNames
from sparring.broker import Broker
from sparring.checks import checked_count
from sparring.consuming.batches import BATCH_ROWS_MAX, Batch
from sparring.consuming.following import Following
from sparring.consuming.joining import Joiner
from sparring.consuming.ordering import Sequencer
from sparring.consuming.progress import Progress
from sparring.consuming.question import Question
from sparring.consuming.result import JoinedResult, Result, result_of
from sparring.consuming.source import Recorded, Source, recorded_spans
from sparring.consuming.wanted import Seen, is_wanted

HELD_BYTES_MAX: Final = 256 * MIB
"""Values of results that wait in a window; above it nothing waits any longer."""

T = TypeVar("T", Result, JoinedResult, Result | JoinedResult)


def read_results(broker: Broker, topics: TopicNames, question: Question) -> "ResultStream[Any]":
    """Open the topics; where reading begins and ends is settled before this returns, in a group when Kafka assigns.

    Raises:
        ConnectionError: a topic is not there, or the broker does not answer in time.
    """
    if question.follow:
        source: Source = Following(broker, {topic: since for topic, since, _ in question.times(topics)}, question.group)
    else:
        source = Recorded(broker, recorded_spans(broker, question.times(topics)))
    return ResultStream(source, question)


class ResultStream(Iterator[T], Generic[T]):
    """Results as they are wanted; made by `client.results`.

    Iterate in one thread, over it or over `batches()`; a context manager, or call `close`. Any thread, and a signal's
    handler, may call `stop`. The iteration raises ConnectionError where the broker does not answer in time.
    """

    def __init__(self, source: Source, question: Question) -> None:
        self._source = source
        self._question = question
        self._seen = Seen() if question.distinct or question.joined else None
        self._ready: deque[Any] = deque()
        self._batch = Batch(BATCH_ROWS_MAX)
        self._stopped = False
        self._flushed = False
        self._begin()

    def __next__(self) -> T:
        while not self._ended:
            if self._ready:
                one: T = self._ready.popleft()
                for result in _results(one):
                    self._progress.done(result)
                return one
            self._turn()
        raise StopIteration

    def batches(self, rows_max: int = BATCH_ROWS_MAX) -> Iterator[pa.Table]:
        """The results as tables, one row per input row, in the columns of the results dataset (docs/python.md).

        Joined, a challenger's rows stand behind its champion's. A table ends before a result whose outputs have other
        types than those before it, and, where they are followed, when no more come at once.

        Args:
            rows_max: of one table. A result with more rows is cut.
        """
        return self._batches(checked_count("rows_max", rows_max, 1))

    def commit(self) -> dict[str, int]:
        """Note for the group that everything that the iteration has handed out is done: whoever goes on, goes on
        behind it. What is read ahead, or held back in a window, is not.

        Returns the offsets where reading goes on, by `topic/partition`.

        Raises:
            ValueError: there is no group.
            RetryLater: Kafka divided the group anew meanwhile, and nothing was committed.
            ConnectionError: the broker does not answer in time.
        """
        if not isinstance(self._source, Following) or self._question.group is None:
            raise ValueError("commit: there is no group; expected client.results(group='name')")
        offsets = self._progress.offsets()
        self._source.commit(offsets)
        return {f"{topic}/{partition}": offset for (topic, partition), offset in sorted(offsets.items())}

    def stop(self) -> None:
        """End the iteration, within a fraction of a second; `commit` and `close` are still to be called."""
        self._stopped = True
        self._source.stop()

    def close(self) -> None:
        """Close the connections. Nothing is committed; a group's partitions go to its other members at once."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        """With nothing held: at the beginning, and where reading began again elsewhere."""
        question = self._question
        self._progress = Progress()
        self._ready.clear()
        self._batch.clear()
        self._sequencer: Sequencer[Result] | None = (
            Sequencer(question.late_ms, question.window) if question.ordered else None
        )
        self._joiner = Joiner(question.late_ms, question.window) if question.joined else None

    @property
    def _ended(self) -> bool:
        return self._stopped or (self._source.ended and not self._ready and self._flushed)

    def _turn(self) -> bool:
        """One record, put where it belongs. Whether there was one."""
        record = self._source.turn()
        if self._source.lost():
            self._begin_again()
        if record is not None:
            self._take(record)
        self._flushed = self._source.ended
        held_too_much = self._progress.held_bytes > HELD_BYTES_MAX
        self._release(math.inf if self._flushed or held_too_much else self._source.watermark_ms())
        return record is not None

    def _begin_again(self) -> None:
        """What is held comes again, to this member or another."""
        if self._seen is not None:
            for result in self._progress.held():
                self._seen.forget(result)
        self._begin()

    def _take(self, record: Any) -> None:
        try:
            result = result_of(record)
        except ValueError as error:
            why = " ".join(str(error).split())
            warnings.warn(f"{record.topic}/{record.partition}/{record.offset} is passed over: {why}", stacklevel=5)
            self._progress.passed(record.topic, record.partition, record.offset)
            return
        self._progress.read(result)
        wanted = is_wanted(result, self._question.wanted, joined=self._question.joined)
        wanted = wanted and (self._seen is None or self._seen.is_new(result))
        if not wanted:
            self._progress.done(result)
        if self._sequencer is not None and result.official:
            in_order = self._sequencer.take(result.frame, result.answer.published_at, result if wanted else None)
            if in_order:
                return
        if wanted:
            self._join(result)

    def _release(self, watermark_ms: float) -> None:
        if self._sequencer is not None:
            for result in self._sequencer.ready(watermark_ms):
                self._join(result)
        if self._joiner is not None:
            self._ready += self._joiner.ready(watermark_ms)
            for result in self._joiner.given_up(watermark_ms):
                self._progress.done(result)

    def _join(self, result: Result) -> None:
        if self._joiner is None:
            self._ready.append(result)
            return
        for unwanted in self._joiner.take(result):
            self._progress.done(unwanted)

    def _batches(self, rows_max: int) -> Iterator[pa.Table]:
        batch = self._batch = Batch(rows_max)
        while not self._ended:
            if self._ready:
                for result in _results(self._ready.popleft()):
                    if not batch.add(result):
                        yield from self._tables(batch)
                        batch.add(result)
                    if batch.full:
                        yield from self._tables(batch)
            elif not self._turn() and self._question.follow:
                yield from self._tables(batch)
        if not self._stopped:
            yield from self._tables(batch)

    def _tables(self, batch: Batch) -> Iterator[pa.Table]:
        """The batch's tables, if it has any; its results are handed out with the last of them."""
        if not batch.results:
            return
        *first, last = batch.tables()
        yield from first
        for result in batch.results:
            self._progress.done(result)
        batch.clear()
        yield last


def _results(one: Result | JoinedResult) -> tuple[Result, ...]:
    return one.results() if isinstance(one, JoinedResult) else (one,)
