"""A RESULTS DATASET: answers as Parquet files, one schema for all readers.

columns  The columns of a results dataset, in their order, with their types. Pure
files    Writes a results dataset: rows are gathered, and written as files that are there as a whole or not at all
outputs  Answers as rows: one per input row, one where there are no outputs. Pure
rows     Answers become tables of `columns`, one for each folder of the dataset. Pure
unify    One table of the tables of several model versions, whose outputs of one name may have different types. No n
"""

from sparring.dataset.files import DatasetWriter, open_dataset
from sparring.dataset.outputs import Asked

__all__ = ["Asked", "DatasetWriter", "open_dataset"]
