"""A results dataset read as one table, whatever model versions wrote it."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from sparring.dataset.columns import PARTITIONED
from sparring.unifying import of_files


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
