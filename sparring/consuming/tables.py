"""Results on their way into tables. A result is handed out with the last table that has rows of it."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa

from sparring.consuming.batches import BATCH_ROWS_MAX, Batch
from sparring.consuming.result import JoinedResult, Result
from sparring.consuming.window import Window, results_of

TABLE_S_MAX: Final = 1.0
"""Where results are followed, a table is handed out so long after its first, however many more come."""


class Tables:
    """Made for one stream: who leaves a loop over its tables and begins another loses nothing.

    Args:
        window: where the results came from; it is told which were handed out.
        clock: seconds that only rise.
    """

    def __init__(self, window: Window, clock: Callable[[], float]) -> None:
        self._window = window
        self._clock = clock
        self._batch = Batch(BATCH_ROWS_MAX)
        self._gathered: deque[Any] = deque()
        """Until all of each was handed out."""
        self._first_s = 0.0

    @property
    def overdue(self) -> bool:
        """Whether the next table has waited for more long enough."""
        return bool(self._batch.results) and self._clock() - self._first_s > TABLE_S_MAX

    def begin(self, rows_max: int) -> None:
        """Tables of at most so many rows, with nothing gathered yet."""
        self._batch = Batch(rows_max)

    def gather(self, one: Result | JoinedResult) -> Iterator[pa.Table]:
        """Put it into the next table; gives the tables that it fills."""
        self._gathered.append(one)
        for result in results_of(one):
            if not self._window.progress.holds(result):
                continue  # it was in the last table of a loop that was left
            if not self._add(result):
                yield from self.flush()
                self._add(result)
            if self._batch.full:
                yield from self.flush()

    def flush(self) -> Iterator[pa.Table]:
        """What was gathered, if anything was."""
        if not self._batch.results:
            return
        *first, last = self._batch.tables()
        yield from first
        progress = self._window.progress
        for result in self._batch.results:
            progress.done(result)
        self._batch.clear()
        while self._gathered and not any(progress.holds(result) for result in results_of(self._gathered[0])):
            self._gathered.popleft()
        yield last

    def clear(self) -> None:
        """What was gathered comes again."""
        self._gathered.clear()
        self._batch.clear()

    def given_back(self) -> list[Any]:
        """What a loop that was left had gathered and not handed out."""
        left = list(self._gathered)
        if left:
            self.clear()
        return left

    def _add(self, result: Result) -> bool:
        if not self._batch.results:
            self._first_s = self._clock()
        return self._batch.add(result)
