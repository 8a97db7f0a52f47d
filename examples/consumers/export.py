"""Results as a dataset of Parquet files, by day and model, in bounded memory.

    python -m examples.consumers.export shelf-results --pipeline shelf

Where the system is, its settings say, as for `sparring.Client()`.
"""

import argparse
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

import sparring

ROWS_MAX = 20_000
"""Of one file."""

PARTS = ds.partitioning(pa.schema([("date", pa.string()), ("model", pa.string())]), flavor="hive")


def export(client: sparring.Client, folder: Path, pipeline: str | None = None) -> int:
    """Write all that the topics hold, challengers' answers among it, to `folder`; returns how many rows.

    One file per table: results of different models have different columns, and a dataset may. FileExistsError where
    the folder holds something: rows of an earlier export would stand there twice.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} is not empty; expected a new folder: an export writes all that the topics hold"
        )
    rows = 0
    with client.results(pipeline, role="all") as results:
        for number, table in zip(count(), with_date(results.batches(ROWS_MAX)), strict=False):
            ds.write_dataset(
                table,
                folder,
                format="parquet",
                partitioning=PARTS,
                basename_template=f"{number:06}-{{i}}.parquet",
                existing_data_behavior="overwrite_or_ignore",
            )
            rows += table.num_rows
    return rows


def with_date(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """With the UTC day on which a frame was produced, as text."""
    for table in tables:
        yield table.append_column("date", pc.strftime(table["at"], format="%Y-%m-%d"))


def main() -> None:
    """Export and say how much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pipeline")
    given = parser.parse_args()
    try:
        with sparring.Client() as client:
            print(f"{export(client, given.folder, given.pipeline)} rows in {given.folder}")
    except FileExistsError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
