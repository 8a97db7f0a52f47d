"""Results gathered into one table. Pure."""

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from schemas.limits import MIB
from sparring.consuming.result import Result
from sparring.rows import COLUMNS, Gathered, read_outputs, told
from sparring.unifying import unified

BATCH_ROWS_MAX: Final = 1000
BATCH_BYTES_MAX: Final = 64 * MIB
"""Values of the results in one table; a larger one is alone."""


class Batch:
    """What the next table is made of. results: those in it, in order."""

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        self.clear()

    def clear(self) -> None:
        """Begin the next table."""
        self.results: list[Result] = []
        self._gathered = Gathered(COLUMNS)
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
        self._gathered.add(result.asked().facts() | told(result.answer, failure), outputs)
        self._rows += rows
        self._bytes += size_bytes
        self._schema = schema
        return True

    def tables(self) -> Iterator[pa.Table]:
        """At least one; several where the first result alone was too much."""
        whole = self._gathered.table()
        for start in range(0, max(1, whole.num_rows), self._rows_max):
            yield whole.slice(start, self._rows_max)
