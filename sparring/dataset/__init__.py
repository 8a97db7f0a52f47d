"""RESULTS DATASETS: answers as Parquet files, one schema for all readers.

columns  the columns of a dataset and their types. Pure
outputs  answers as rows: one per input row. Pure
rows     answers -> tables of `columns`, one per folder. Pure
files    writes and reads a dataset
unify    one table of several versions' tables. Pure
"""

from sparring.dataset.files import DatasetWriter, open_dataset
from sparring.dataset.outputs import FrameFacts

__all__ = ["DatasetWriter", "FrameFacts", "open_dataset"]
