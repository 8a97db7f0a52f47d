"""Results gathered into Arrow tables. A result is released with the last table that has rows of it. Pure."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from schemas.limits import MIB
from sparring.dataset.outputs import COLUMNS, AnswerTable, answer_facts, read_outputs
from sparring.dataset.unify import unified
from sparring.results.result import JoinedResult, Result, results_of

if TYPE_CHECKING:
    from sparring.results.window import Window


BATCH_ROWS_MAX: Final = 1000
BATCH_BYTES_MAX: Final = 64 * MIB
"""Values of the results in one table; a larger one is alone."""


class RowBatch:
    """What the next table is made of. results: those in it, in order."""

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        self.clear()

    def clear(self) -> None:
        """Begin the next table."""
        self.results: list[Result] = []
        self._gathered = AnswerTable(COLUMNS)
        self._rows = 0
        self._bytes = 0
        self._schema = pa.schema([])

    @property
    def full(self) -> bool:
        """Whether nothing more fits."""
        return self._rows >= self._rows_max or self._bytes >= BATCH_BYTES_MAX

    def add(self, result: Result) -> bool:
        """False where it belongs into the next table: too much, or outputs that have no type in common with those
        that are here. The first always fits."""
        outputs, failure = read_outputs(result.answer)
        rows, size_bytes = outputs.num_rows, len(result.answer.value)
        schema = unified(self._schema, outputs.schema)
        too_much = self._rows + rows > self._rows_max or self._bytes + size_bytes > BATCH_BYTES_MAX
        if schema is None or (self.results and too_much):
            return False
        self.results.append(result)
        self._gathered.add(result.asked().facts() | answer_facts(result.answer, failure), outputs)
        self._rows += rows
        self._bytes += size_bytes
        self._schema = schema
        return True

    def tables(self) -> Iterator[pa.Table]:
        """At least one; several where the first result alone was too much."""
        whole = self._gathered.table()
        for start in range(0, max(1, whole.num_rows), self._rows_max):
            yield whole.slice(start, self._rows_max)


TABLE_S_MAX: Final = 1.0
"""In a followed stream, a table is returned at the latest so long after its first result."""


class Tables:
    """The tables of one stream. A second loop over them continues behind the first; no result is lost.

    Args:
        window: the source of the results; it tracks which are released.
        clock: seconds that only rise.
    """

    def __init__(self, window: "Window", clock: Callable[[], float]) -> None:
        self._window = window
        self._clock = clock
        self._batch = RowBatch(BATCH_ROWS_MAX)
        self._gathered: deque[Any] = deque()
        """Results in order, each kept until its last row is in a returned table."""
        self._first_s = 0.0

    @property
    def overdue(self) -> bool:
        """Whether the next table has waited long enough for more results."""
        return bool(self._batch.results) and self._clock() - self._first_s > TABLE_S_MAX

    def begin(self, rows_max: int) -> None:
        """Tables of at most so many rows, with nothing gathered yet."""
        self._batch = RowBatch(rows_max)

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
        """The results that an interrupted loop had gathered and not returned."""
        left = list(self._gathered)
        if left:
            self.clear()
        return left

    def _add(self, result: Result) -> bool:
        if not self._batch.results:
            self._first_s = self._clock()
        return self._batch.add(result)
