"""What `client.results` returns: read a record, sort it into the window, return what is ready; commit on request."""

import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import pyarrow as pa

from schemas.topics import TopicNames
from sparring.checks import checked_count
from sparring.kafka.broker import Broker
from sparring.kafka.group import Following
from sparring.kafka.source import RecordedSource, Source, recorded_spans
from sparring.results.batches import BATCH_ROWS_MAX, Tables
from sparring.results.query import ResultQuery
from sparring.results.result import JoinedResult, Result, result_of, results_of
from sparring.results.window import Window

T = TypeVar("T", Result, JoinedResult, Result | JoinedResult)


def read_results(broker: Broker, topics: TopicNames, question: ResultQuery) -> "ResultStream[Any]":
    """Open the topics; where reading begins and ends is settled before this returns, in a group when Kafka assigns.

    Raises:
        ConnectionError: a topic is not there, or the broker does not answer in time.
    """
    if question.follow:
        source: Source = Following(broker, {topic: since for topic, since, _ in question.times(topics)}, question.group)
    else:
        source = RecordedSource(broker, recorded_spans(broker, question.times(topics)))
    return ResultStream(source, question)


class ResultStream(Iterator[T], Generic[T]):
    """A stream of results; made by `client.results`.

    Iterate in one thread, over it or over `batches()`; a context manager, or call `close`. Any thread, and a signal's
    handler, may call `stop`. The iteration raises ConnectionError where the broker does not answer in time.
    """

    def __init__(self, source: Source, question: ResultQuery, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._question = question
        self._window = Window(question)
        self._ready: deque[Any] = deque()
        self._tables = Tables(self._window, clock)
        self._stopped = False
        self._flushed = False

    def __next__(self) -> T:
        self._take_back()
        while not self._ended:
            if self._is_ready():
                one: T = self._ready.popleft()
                for result in results_of(one):
                    self._window.progress.done(result)
                return one
            self._turn()
        raise StopIteration

    def batches(self, rows_max: int = BATCH_ROWS_MAX) -> Iterator[pa.Table]:
        """The results as tables, one row per input row, in the columns of the results dataset (docs/python.md).

        Joined, a challenger's rows stand behind its champion's. A table ends before a result whose outputs have other
        types than those before it, and, where they are followed, when no more come at once, or about a second after
        its first. A second loop over them continues behind the last table.

        Args:
            rows_max: of one table. A result with more rows is cut.
        """
        return self._batches(checked_count("rows_max", rows_max, 1))

    def commit(self) -> dict[str, int]:
        """Commit everything that the iteration has returned: the group continues behind it. Records that are read
        ahead, or wait in a window, are not committed.

        Returns the next offsets to read, by `topic/partition`.

        Raises:
            ValueError: there is no group.
            RetryLater: the group rebalances, or did meanwhile, and nothing was committed.
            ConnectionError: the broker does not answer in time.
        """
        if not isinstance(self._source, Following) or self._question.group is None:
            raise ValueError("commit: there is no group; expected client.results(group='name')")
        offsets = self._window.progress.offsets()
        self._source.commit(offsets)
        return {f"{topic}/{partition}": offset for (topic, partition), offset in sorted(offsets.items())}

    def stop(self) -> None:
        """End the iteration, within a fraction of a second; `commit` and `close` are still to be called."""
        self._stopped = True
        self._source.stop()

    def close(self) -> None:
        """End the iteration and close the connections. Nothing is committed; a group's partitions go to its other
        members at once."""
        self.stop()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _ended(self) -> bool:
        return self._stopped or (self._source.ended and not self._ready and self._flushed)

    def _is_ready(self) -> bool:
        """Whether a result is ready. Keeps this member in its group, however long the user takes for each result."""
        if self._ready:
            self._source.keep()
            self._begin_again_if_lost()
        return bool(self._ready)

    def _turn(self) -> bool:
        """One record, put where it belongs. Whether there was one."""
        record = self._source.next_record()
        self._begin_again_if_lost()
        if record is not None:
            self._take(record)
        self._flushed = self._source.ended
        self._ready += self._window.release(math.inf if self._flushed else self._source.watermark_ms())
        return record is not None

    def _begin_again_if_lost(self) -> None:
        """Where reading began again elsewhere, what is held comes again, to this member or another."""
        if self._source.lost():
            self._window.begin_again()
            self._ready.clear()
            self._tables.clear()

    def _take(self, record: Any) -> None:
        try:
            result = result_of(record)
        except ValueError as error:
            why = " ".join(str(error).split())
            warnings.warn(f"{record.topic}/{record.partition}/{record.offset} is passed over: {why}", stacklevel=5)
            self._window.progress.passed(record.topic, record.partition, record.offset)
            return
        self._window.take(result)

    def _batches(self, rows_max: int) -> Iterator[pa.Table]:
        self._take_back()
        self._tables.begin(rows_max)
        follow = self._question.follow
        while not self._ended:
            if self._is_ready():
                yield from self._tables.gather(self._ready.popleft())
            elif not self._turn() and follow:
                yield from self._tables.flush()
            if follow and self._tables.overdue:
                yield from self._tables.flush()
        if not self._stopped:
            yield from self._tables.flush()

    def _take_back(self) -> None:
        """What a loop over tables that was left had gathered comes next."""
        self._ready.extendleft(reversed(self._tables.given_back()))
