"""The files that `export_logs` writes, `<prefix>-1.json` (JSON lines) or `.arrow` (Arrow IPC), -2 and so on."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
import pyarrow as pa

from sparring.dataset.unify import unified
from sparring.results.dataframe import cells


class LogFiles:
    """Rows go to one file until it holds `bytes_max` of Arrow data, about; then, and where a column's type changes, to
    the next; in an Arrow file where any column changes. A file has its name once it is whole."""

    def __init__(self, directory: Path, prefix: str, bytes_max: int, *, arrow: bool) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._prefix = prefix
        self._bytes_max = bytes_max
        self._arrow = arrow
        self._sink: BinaryIO | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._schema: pa.Schema | None = None
        self._left = 0
        self.written: list[Path] = []

    def add(self, table: pa.Table) -> None:
        """Write the rows."""
        while table.num_rows:
            schema = self._with(table.schema)
            if self._left <= 0 or schema is None:
                self._finish()
                self._begin(table.schema)
            else:
                self._schema = schema
            rows = max(1, int(table.num_rows * min(1.0, self._left / max(1, table.nbytes))))
            self._put(table.slice(0, rows))
            self._left -= table.nbytes * rows // table.num_rows or 1
            table = table.slice(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(whole=kind is None)

    def _with(self, schema: pa.Schema) -> pa.Schema | None:
        """The columns of the file with these beside them; None where they do not go into it."""
        if self._schema is None or self._arrow:
            return schema if schema == self._schema else None
        return unified(self._schema, schema)

    def _begin(self, schema: pa.Schema) -> None:
        self._sink = self._unfinished().open("wb")
        self._writer = pa.ipc.new_file(self._sink, schema) if self._arrow else None
        self._schema, self._left = schema, self._bytes_max

    def _put(self, table: pa.Table) -> None:
        if self._writer is not None:
            self._writer.write_table(table)
        elif self._sink is not None:
            self._sink.writelines(_lines(table))

    def _finish(self, *, whole: bool = True) -> None:
        if self._sink is None:
            return
        if self._writer is not None:
            self._writer.close()
        self._sink.close()
        self._sink = self._writer = None
        if whole:
            os.replace(self._unfinished(), self._path())  # noqa: PTH105  # as the name says
            self.written.append(self._path())
        else:
            self._unfinished().unlink()

    def _path(self) -> Path:
        return self._directory / f"{self._prefix}-{len(self.written) + 1}.{'arrow' if self._arrow else 'json'}"

    def _unfinished(self) -> Path:
        return self._path().with_name(self._path().name + ".part")


def _lines(table: pa.Table) -> Iterator[bytes]:
    """A JSON object per row; numbers as the shortest decimal that gives them back, NaN and infinities as null."""
    columns = {name: cells(table[name]) for name in table.column_names}
    if "time" in columns:
        columns["time"] = [f"{time.isoformat(timespec='milliseconds')}Z" for time in columns["time"]]
    for row in zip(*columns.values(), strict=True):
        yield msgspec.json.encode(dict(zip(columns, row, strict=True)), enc_hook=str) + b"\n"
