"""One question to an exported dataset, asked with pandas, polars and DuckDB: how sure is each model, and how fast?

    python examples/consumers/dataset.py shelf-results confidences

Nothing of ours is imported. Columns: docs/python.md, "Consuming results". An output `confidences` is the column
`out.confidences`: a list per input row. Files that lack it count as null.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

Answer: TypeAlias = dict[str, tuple[int, float, float]]
"""By model: rows that are ok, the mean of their means of the output (a row without values has none), mean milliseconds
of inference."""


def by_pandas(folder: Path, output: str) -> Answer:
    """Only these columns are read; the schema says them for files that lack the output."""
    column = f"out.{output}"
    types: dict[str, Any] = {"model": pa.string(), "status": pa.string(), "infer_ns": pa.int64()}
    schema = pa.schema(types | {column: pa.list_(pa.float64())})
    frame = pd.read_parquet(folder, columns=schema.names, schema=schema)
    frame = frame[frame["status"] == "ok"].dropna(subset=[column])
    frame["mean"] = frame[column].map(lambda values: np.mean(values) if len(values) else np.nan)
    grouped = frame.groupby("model").agg(rows=("mean", "size"), mean=("mean", "mean"), ns=("infer_ns", "mean"))
    return {str(model): (int(row["rows"]), float(row["mean"]), row["ns"] / 1e6) for model, row in grouped.iterrows()}


def by_polars(folder: Path, output: str) -> Answer:
    """Lazily: files and columns that are not needed are not read."""
    rows = pl.scan_parquet(
        folder / "**/*.parquet", hive_partitioning=True, missing_columns="insert", extra_columns="ignore"
    )
    rows = rows.filter(pl.col("status") == "ok", pl.col(f"out.{output}").is_not_null())
    grouped = rows.group_by("model").agg(
        pl.len(),
        pl.col(f"out.{output}").list.mean().mean().alias("mean"),
        (pl.col("infer_ns").mean() / 1e6).alias("ms"),
    )
    return {model: (rows, mean, ms) for model, rows, mean, ms in grouped.collect().iter_rows()}


def by_duckdb(folder: Path, output: str) -> Answer:
    """In SQL, over the files as they lie."""
    question = f"""
        select model, count(*), avg(list_avg("out.{output}")), avg(infer_ns) / 1e6
        from read_parquet(?, hive_partitioning = true, union_by_name = true)
        where status = 'ok' and "out.{output}" is not null group by model
    """  # noqa: S608  # a name that its user typed, for a dataset of theirs
    with duckdb.connect() as connection:
        found = connection.execute(question, [str(folder / "**/*.parquet")]).fetchall()
    return {model: (rows, mean, ms) for model, rows, mean, ms in found}


LIBRARIES: Final[dict[str, Callable[[Path, str], Answer]]] = {
    "pandas": by_pandas,
    "polars": by_polars,
    "duckdb": by_duckdb,
}


def main() -> None:
    """Ask all three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", help="an output's name, such as confidences")
    given = parser.parse_args()
    for name, ask in LIBRARIES.items():
        print(
            name,
            {model: tuple(round(one, 4) for one in said) for model, said in ask(given.folder, given.output).items()},
        )


if __name__ == "__main__":
    main()
