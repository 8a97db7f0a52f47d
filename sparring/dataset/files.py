"""Writes and reads a results dataset. Each file appears as a whole or not at all.

`open_dataset` reads the files of several model versions as one table.
"""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from schemas.limits import MIB
from schemas.results import Answer
from sparring.dataset.outputs import FrameFacts
from sparring.dataset.rows import PARTITIONED, DatasetPartition, DatasetRows, InputSize
from sparring.dataset.unify import of_files


def open_dataset(folder: str | os.PathLike[str]) -> Any:
    """The dataset, lazily: a `pyarrow.dataset.Dataset` with the columns of all its files, null where a file has none.
    An output that versions gave as number and as text is text.

    Raises:
        FileNotFoundError: the folder is not there, or has no file of a results dataset.
        ValueError: a column has types that do not go together.
    """
    path = Path(folder)
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: there is no such folder; expected a results dataset")
    layout = ds.partitioning(PARTITIONED, flavor="hive")
    found = ds.dataset(path, format="parquet", partitioning=layout)
    if not found.files:
        raise FileNotFoundError(f"{path}: it has no Parquet file; expected a results dataset (docs/dataset.md)")
    schemas = {pq.read_schema(file).remove_metadata() for file in found.files}
    try:
        schema, _ = of_files([*schemas, PARTITIONED])
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise ValueError(f"{path}: its files have columns of different types: {error}; read them by model") from error
    return ds.dataset(path, format="parquet", partitioning=layout, schema=schema)


ROWS_MAX: Final = 20_000
BYTES_MAX: Final = 32 * MIB
"""Gathered in memory before they are written."""

NOBODY: Final = "__HIVE_DEFAULT_PARTITION__"
"""The folder's name where there is no model, as readers of such datasets know it."""


class DatasetWriter:
    """For one thread. What was added is in memory until `flush`.

    Args:
        folder: of the dataset; made where it is not there.
        prefix: of the files' names: two writers of one folder need two.
        input_size: the size of the model's input that made an answer.
    """

    def __init__(self, folder: Path, prefix: str, input_size: InputSize) -> None:
        self._folder = folder
        self._prefix = prefix
        self._input_size = input_size
        self._files = 0
        self._rows = DatasetRows(input_size)

    def add(
        self,
        asked: FrameFacts,
        answer: Answer,
        recorded: Answer | None = None,
        picture_size: tuple[int, int] | None = None,
    ) -> None:
        """Add one answer. recorded: the official answer that its frame had before; picture_size: width and height of
        the frame, where it is a picture."""
        self._rows.add(asked, answer, recorded, picture_size)

    @property
    def full(self) -> bool:
        """Whether so much is in memory that it should be written."""
        return self._rows.count >= ROWS_MAX or self._rows.size_bytes >= BYTES_MAX

    def flush(self) -> list[str]:
        """Write what was added; returns the new files' paths, relative to the folder. OSError: nothing is lost yet,
        and the files that were written may be written again."""
        written = [self._write(place, table) for place, table in self._rows.tables()]
        self._rows = DatasetRows(self._input_size)
        return written

    def _write(self, place: DatasetPartition, table: pa.Table) -> str:
        model = NOBODY if place.model is None else quote(place.model, safe="")
        folder = self._folder / f"date={place.date}" / f"model={model}"
        folder.mkdir(parents=True, exist_ok=True)
        self._files += 1
        path = folder / f"{self._prefix}-{self._files:06}.parquet"
        part = path.with_name(f".{path.name}.part")
        try:
            pq.write_table(table, part, compression="zstd")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return str(path.relative_to(self._folder))
