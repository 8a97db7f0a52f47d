"""One results dataset as rows that can be laid beside another's: one row per request's row, with its outputs.

Official answers, unless a model is named: then that model's, also a challenger's.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sparring.dataset.columns import RECORDED
from sparring.dataset.writer import NOBODY

_ROWS_AT_ONCE: Final = 16_384
_OUT: Final = "out."

KEPT: Final = {
    "subject": pl.String,
    "row": pl.Int32,
    "source": pl.String,
    "status": pl.String,
    "error": pl.String,
    "model": pl.String,
    "model_version": pl.String,
    "published_at": pl.Datetime("ms", "UTC"),
    "queued_ns": pl.Int64,
    "decode_ns": pl.Int64,
    "infer_ns": pl.Int64,
    "input_width": pl.Int32,
    "input_height": pl.Int32,
    "input_aspect": pl.String,
}
"""What is taken of each row beside its outputs."""


@dataclass(frozen=True, slots=True)
class Side:
    """Which rows of which folder. model: `name` or `name@version`; recorded: the answers that the frames had when they
    were recorded, in the columns `recorded.*`; alias: an output of another name, and what it is called here."""

    folder: Path
    model: str | None = None
    recorded: bool = False
    alias: tuple[str, str] | None = None

    @property
    def title(self) -> str:
        """What people see."""
        parts = [self.folder.name, *(["recorded"] if self.recorded else []), *([self.model] if self.model else [])]
        return " ".join(parts)

    def files(self) -> list[Path]:
        """The dataset's files. FileNotFoundError where there is none."""
        found = sorted(path for path in self.folder.glob("date=*/model=*/*.parquet") if not path.name.startswith("."))
        if not found:
            raise FileNotFoundError(
                f"{self.folder}: no results dataset; expected folders date=.../model=... with Parquet files, as "
                "`sparring replay --out` writes them"
            )
        return found

    def size(self) -> tuple[int, int]:
        """Rows of all files, and their bytes."""
        files = self.files()
        return sum(pq.read_metadata(path).num_rows for path in files), sum(path.stat().st_size for path in files)

    def outputs(self) -> dict[str, Any]:
        """Each output, without `out.`, as one of three kinds of list: whole numbers, numbers, text."""
        begin = f"{RECORDED}{_OUT}" if self.recorded else _OUT
        found: dict[str, Any] = {}
        for path in self.files():
            schema = pq.read_schema(path)
            for name in schema.names:
                if name.startswith(begin) and (kind := _kind(schema.field(name).type)) is not None:
                    here = self._here(name.removeprefix(begin))
                    known = found.setdefault(here, kind)
                    if known != kind:
                        found[here] = wider(known, kind)
        return found

    def _here(self, output: str) -> str:
        return self.alias[1] if self.alias is not None and output == self.alias[0] else output

    def _there(self, output: str) -> str:
        return self.alias[0] if self.alias is not None and output == self.alias[1] else output

    def rows(self, outputs: dict[str, Any]) -> Iterator[pl.DataFrame]:
        """`KEPT` and these outputs, piece by piece; an output that a file does not have is null."""
        for path in self.files():
            model = unquote(path.parent.name.removeprefix("model="))
            file = pq.ParquetFile(path)
            names = self._names(file.schema_arrow.names, outputs)
            columns = [*names.values(), *(["role"] if "role" in file.schema_arrow.names else [])]
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=sorted(set(columns))):
                came: Any = pl.from_arrow(pa.Table.from_batches([batch]))
                yield self._taken(came, names, outputs, None if model == NOBODY else model)

    def _names(self, there: list[str], outputs: dict[str, Any]) -> dict[str, str]:
        """What a column is called here -> in the file."""
        before = RECORDED if self.recorded else ""
        wanted = {name: f"{before}{name}" for name in KEPT} | {
            name: f"{before}{_OUT}{self._there(name)}" for name in outputs
        }
        asked = {name: name for name in ("subject", "row", "source", "input_width", "input_height", "input_aspect")}
        return {name: column for name, column in (wanted | asked).items() if column in there}

    def _taken(
        self, came: pl.DataFrame, names: dict[str, str], outputs: dict[str, Any], model: str | None
    ) -> pl.DataFrame:
        taken = came.lazy()
        if "role" in came.columns and (self.recorded or self.model is None):
            taken = taken.filter(pl.col("role").ne_missing("challenger"))
        kinds: dict[str, Any] = {**KEPT, **{f"{_OUT}{name}": kind for name, kind in outputs.items()}}
        found = {**names, **{f"{_OUT}{name}": names[name] for name in outputs if name in names}}
        columns = [
            (pl.col(found[name]) if name in found else pl.lit(None)).cast(kind).alias(name)
            for name, kind in kinds.items()
            if name != "model" or self.recorded
        ]
        if not self.recorded:
            columns.append(pl.lit(model, pl.String).alias("model"))
        taken = taken.select(columns)
        if self.recorded:
            taken = taken.filter(pl.col("status").is_not_null())
        if self.model is not None:
            version = pl.concat_str("model", pl.lit("@"), "model_version")
            taken = taken.filter((pl.col("model") == self.model) | (version == self.model))
        return taken.select(list(kinds)).collect()


def sides(first: str | os.PathLike[str], second: str | os.PathLike[str] | None) -> tuple[Side, Side]:
    """Two folders; or one, whose recorded answers come first."""
    if second is None:
        replayed = Side(Path(first))
        return replace(replayed, recorded=True), replayed
    return Side(Path(first)), Side(Path(second))


def _kind(kind: Any) -> Any:
    """None for what is no list of numbers or text."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return None
    of = kind.value_type
    if pa.types.is_string(of) or pa.types.is_large_string(of):
        return pl.List(pl.String)
    if pa.types.is_integer(of) or pa.types.is_boolean(of):
        return pl.List(pl.Int64)
    return pl.List(pl.Float64) if pa.types.is_floating(of) else None


def wider(one: Any, other: Any) -> Any:
    """The type that holds both: numbers go together, as numbers; anything else only as text. Pure."""
    return pl.List(pl.Float64) if pl.List(pl.String) not in (one, other) else pl.List(pl.String)
