"""RESULTS AS PARQUET: answers as a folder of files, partitioned by date and model, for notebooks and for `compare`.

    asked     what an answer answers: the same in every run over the same frames
    columns   the columns, and what each means
    rows      answers -> tables of these columns
    writer    tables -> files, each there as a whole or not at all
    reading   the folder as one table, whatever versions wrote it

Nothing of this knows Kafka. docs/dataset.md is its page.
"""

from sparring.dataset.asked import Asked
from sparring.dataset.reading import open_dataset
from sparring.dataset.writer import DatasetWriter

__all__ = ["Asked", "DatasetWriter", "open_dataset"]
