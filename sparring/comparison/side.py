"""One side of a comparison: a results dataset, read as it streams by. docs/compare.md has its columns.

A side is a folder, or what was recorded beside its answers: the columns `recorded.*`, under the names of the others.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from schemas.errors import SparringError
from sparring.comparison.parquet import scanned, unpacked_bytes
from sparring.dataset.unify import of_files

RECORDED: Final = "recorded."
OUT: Final = "out."
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
        ("input_place", pa.string()),
        ("input_rounding", pa.string()),
        ("input_shorter", pa.int32()),
    ]
)
"""What is read of every row, beside its outputs; a column that a dataset lacks is null."""

_OF_THE_FRAME: Final = ("subject", "row", "source", "at", "picture_width", "picture_height")
"""Not recorded twice: they are the same for what was recorded."""

_PARTITIONS: Final = ds.partitioning(pa.schema([("date", pa.string()), ("model", pa.string())]), flavor="hive")


class NotADataset(SparringError, ValueError):
    """A folder has no results that can be compared; the message names what is missing."""


@dataclass(frozen=True)
class Side:
    """Rows that can be read more than once.

    files: pyarrow.dataset's fragments. schema: COLUMNS and the outputs. rows, size_bytes: what the files say of what is
    read, unpacked, before any row is left out. model: only its answers; None: those of all. mixed: outputs whose files
    have no type in common; they are text.
    """

    folder: Path
    files: Sequence[Any]
    schema: pa.Schema
    rows: int
    size_bytes: int
    recorded: bool
    model: str | None
    mixed: frozenset[str] = frozenset()

    def as_text(self, names: Collection[str]) -> "Side":
        """With these outputs as text."""
        fields = [
            field.with_type(pa.list_(pa.string())) if field.name.removeprefix(OUT) in names else field
            for field in self.schema
        ]
        return replace(self, schema=pa.schema(fields))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs' names."""
        return tuple(name.removeprefix(OUT) for name in self.schema.names if name.startswith(OUT))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, with `schema`, as many at a time as `scanned` reads. NotADataset where a file is broken."""
        columns = [_stored(name, self.recorded) for name in self.schema.names]
        try:
            for file in self.files:
                known = ds.get_partition_keys(file.partition_expression)
                for batch in scanned(file, columns):
                    yield from self._wanted(self._whole(batch, known))
        except (pa.ArrowException, OSError) as error:
            raise NotADataset(f"{self.folder} cannot be read: {error}") from error

    def _whole(self, batch: pa.RecordBatch, known: dict[str, Any]) -> pa.RecordBatch:
        """With all columns of `schema`: of the file, of its folder's name, or null."""
        columns: list[pa.Array[Any]] = []
        for field in self.schema:
            name = _stored(field.name, self.recorded)
            if name in known:
                columns.append(pa.repeat(pa.scalar(known[name], field.type), batch.num_rows))
            elif name in batch.schema.names:
                columns.append(batch.column(name).cast(field.type))
            else:
                columns.append(pa.nulls(batch.num_rows, field.type))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _wanted(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Those rows that are this side's, if there are any."""
        if self.model is not None:
            batch = batch.filter(pc.equal(batch.column("model"), pa.scalar(self.model)))
        if self.recorded:
            batch = batch.filter(pc.is_valid(batch.column("status")))
        if batch.num_rows:
            yield batch


def opened(argument: str, folder: Path, *, recorded: bool = False, model: str | None = None) -> Side:
    """Look into the files of a folder: their footers only.

    Raises:
        FileNotFoundError: the folder does not exist.
        NotADataset: it has no Parquet files, a column that is needed is missing, or files contradict each other.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{argument}: {folder}: there is no such folder; expected a results dataset")
    paths = sorted(str(path) for path in folder.rglob("*.parquet") if path.is_file() and _visible(path, folder))
    if not paths:
        raise NotADataset(f"{argument}: {folder} has no Parquet files; expected a results dataset, as of a replay")
    try:
        dataset, mixed = _united(paths, folder)
        files = _of_model(dataset, None if recorded else model)
        footers = [file.metadata for file in files]
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
    schema = pa.schema([*COLUMNS, *outputs])
    columns = [_stored(name, recorded) for name in schema.names]
    size_bytes = sum(sum(unpacked_bytes(footer, columns)) for footer in footers)
    rows = sum(footer.num_rows for footer in footers)
    texts = frozenset(name.removeprefix(prefix + OUT) for name in mixed if name.startswith(prefix + OUT))
    return Side(folder, files, schema, rows, size_bytes, recorded, model, texts)


def _stored(name: str, recorded: bool) -> str:
    """A column's name in the files."""
    return name if not recorded or name in _OF_THE_FRAME else f"{RECORDED}{name}"


def _visible(path: Path, folder: Path) -> bool:
    """What begins with a dot or an underscore is being written, or about the dataset."""
    return not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def _checked(argument: str, field: "pa.Field[Any]", name: str) -> "pa.Field[Any]":
    """An output, under its own name."""
    kind: Any = field.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise NotADataset(f"{argument}: its column {field.name} is {kind}; expected a list of an output's values")
    inside = kind.value_type.value_type if pa.types.is_dictionary(kind.value_type) else kind.value_type
    return field.with_name(name).with_type(pa.list_(inside))


def _of_model(dataset: ds.Dataset, model: str | None) -> list[Any]:
    """The files that may have answers of the model, by their folders' names. None: all."""
    if model is None or "model" not in dataset.schema.names:
        return list(dataset.get_fragments())
    return list(dataset.get_fragments(ds.field("model") == model))


def _united(files: list[str], folder: Path) -> tuple[ds.Dataset, set[str]]:
    """Files may have different outputs, and partition columns may be missing. Besides, outputs of which no type holds
    what all files have: they are text."""
    factory = ds.FileSystemDatasetFactory(
        pa.fs.LocalFileSystem(),
        files,  # type: ignore[arg-type]
        ds.ParquetFileFormat(),
        ds.FileSystemFactoryOptions(partition_base_dir=str(folder), partitioning=_PARTITIONS),  # type: ignore[call-arg]
    )
    first = factory.finish()
    # Its schema is of the first file alone, and with the columns that are in the folders' names.
    schema, mixed = of_files([first.schema, *(file.physical_schema for file in first.get_fragments())])
    return factory.finish(schema), mixed
