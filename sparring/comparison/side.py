"""One side of a comparison: a results dataset, read as it streams by. docs/compare.md has its columns.

A side is a folder, or what was recorded beside its answers: the columns `recorded.*`, under the names of the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds

from schemas.errors import SparringError

RECORDED: Final = "recorded."
OUT: Final = "out."
SCAN_ROWS: Final = 65_536
"""Rows of one portion that is read."""

COLUMNS: Final = pa.schema(
    [  # type: ignore[arg-type]
        ("subject", pa.string()),
        ("row", pa.int32()),
        ("request_id", pa.string()),
        ("source", pa.string()),
        ("at", pa.timestamp("ms", "UTC")),
        ("picture_width", pa.int32()),
        ("picture_height", pa.int32()),
        ("role", pa.string()),
        ("model", pa.string()),
        ("model_version", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("published_at", pa.timestamp("ms", "UTC")),
        ("queued_ns", pa.int64()),
        ("decode_ns", pa.int64()),
        ("infer_ns", pa.int64()),
        ("input_width", pa.int32()),
        ("input_height", pa.int32()),
        ("input_aspect", pa.string()),
    ]
)
"""What is read of every row, beside its outputs; a column that a dataset lacks is null."""

_OF_THE_FRAME: Final = ("subject", "row", "source", "at", "picture_width", "picture_height")
"""Not recorded twice: they are the same for what was recorded."""

_PARTITIONS: Final = ds.partitioning(pa.schema([("date", pa.string()), ("model", pa.string())]), flavor="hive")


class NotADataset(SparringError, ValueError):
    """A folder has no results that can be compared; the message says what is missing."""


@dataclass(frozen=True)
class Side:
    """Rows that can be read more than once.

    schema: COLUMNS and the outputs. rows, size_bytes: what its files say, before any is left out. model: only its
    answers; None: those of all.
    """

    folder: Path
    dataset: ds.Dataset
    schema: pa.Schema
    rows: int
    size_bytes: int
    recorded: bool
    model: str | None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs' names."""
        return tuple(name.removeprefix(OUT) for name in self.schema.names if name.startswith(OUT))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, SCAN_ROWS at most at a time, with `schema`."""
        there = set(self.dataset.schema.names)
        columns = {
            field.name: ds.field(self._stored(field.name)).cast(field.type)
            if self._stored(field.name) in there
            else ds.scalar(pa.scalar(None, field.type))
            for field in self.schema
        }
        scanner = self.dataset.scanner(
            columns=columns,  # type: ignore[arg-type]
            filter=self._wanted(),
            batch_size=SCAN_ROWS,
            batch_readahead=1,
            fragment_readahead=1,
            fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False),
        )
        try:
            yield from (batch for batch in scanner.to_batches() if batch.num_rows)
        except pa.ArrowException as error:
            raise NotADataset(f"{self.folder} cannot be read: {error}") from error

    def _stored(self, name: str) -> str:
        return name if not self.recorded or name in _OF_THE_FRAME else f"{RECORDED}{name}"

    def _wanted(self) -> Any:
        model: Any = None if self.model is None else ds.field(self._stored("model")) == self.model
        if not self.recorded:
            return model
        answered: Any = ds.field(self._stored("status")).is_valid()
        return answered if model is None else answered & model


def opened(argument: str, folder: Path, *, recorded: bool = False, model: str | None = None) -> Side:
    """Look into the files of a folder: their footers only.

    Raises:
        FileNotFoundError: the folder does not exist.
        NotADataset: it has no Parquet files, a column that is needed is missing, or files contradict each other.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{argument}: {folder}: there is no such folder; expected a results dataset")
    files = sorted(str(path) for path in folder.rglob("*.parquet") if path.is_file() and _visible(path, folder))
    if not files:
        raise NotADataset(f"{argument}: {folder} has no Parquet files; expected a results dataset, as of a replay")
    try:
        dataset = _united(files, folder)
        rows, size_bytes = _sizes(dataset)
    except (pa.ArrowException, OSError) as error:
        raise NotADataset(f"{argument}: {folder} cannot be read as one dataset: {error}") from error
    names, prefix = set(dataset.schema.names), RECORDED if recorded else ""
    missing = [name for name in ("subject", "row", f"{prefix}status") if name not in names]
    if missing:
        hint = "; give a second dataset to compare it with" if recorded else ""
        raise NotADataset(f"{argument}: {folder} has no column {', '.join(missing)}; expected a results dataset{hint}")
    outputs = [
        _checked(argument, field, field.name.removeprefix(prefix))
        for field in dataset.schema
        if field.name.startswith(prefix + OUT)
    ]
    return Side(folder, dataset, pa.schema([*COLUMNS, *outputs]), rows, size_bytes, recorded, model)


def _visible(path: Path, folder: Path) -> bool:
    """What begins with a dot or an underscore is being written, or about the dataset."""
    return not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def _checked(argument: str, field: "pa.Field[Any]", name: str) -> "pa.Field[Any]":
    """An output, under its own name."""
    kind: Any = field.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise NotADataset(f"{argument}: its column {field.name} is {kind}; expected a list of an output's values")
    return field.with_name(name)


def _united(files: list[str], folder: Path) -> ds.Dataset:
    """Files may have different outputs, and partition columns may be missing."""
    factory = ds.FileSystemDatasetFactory(
        pa.fs.LocalFileSystem(),
        files,  # type: ignore[arg-type]
        ds.ParquetFileFormat(),
        ds.FileSystemFactoryOptions(partition_base_dir=str(folder), partitioning=_PARTITIONS),  # type: ignore[call-arg]
    )
    return factory.finish(factory.inspect(promote_options="permissive"))  # type: ignore[call-arg]


def _sizes(dataset: ds.Dataset) -> tuple[int, int]:
    rows = size_bytes = 0
    for fragment in dataset.get_fragments():
        groups = [fragment.metadata.row_group(number) for number in range(fragment.metadata.num_row_groups)]
        rows += sum(group.num_rows for group in groups)
        size_bytes += sum(group.total_byte_size for group in groups)
    return rows, size_bytes
