"""RESULTS AS PARQUET: answers as a folder of files, partitioned by date and model, for notebooks and for `compare`.

    columns   the columns, and what each means
    rows      answers -> tables of these columns
    writer    tables -> files, each there as a whole or not at all
    reading   the folder as one table, whatever versions wrote it

The columns that a stream of results has as well, and how answers become rows, are in `sparring.rows`. Nothing of this
knows Kafka. docs/dataset.md is its page.
"""

from sparring.dataset.reading import open_dataset
from sparring.dataset.writer import DatasetWriter
from sparring.rows import Asked

__all__ = ["Asked", "DatasetWriter", "open_dataset"]
