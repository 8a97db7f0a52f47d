"""Encoded images in a dataset's rows, by the numbers that a replay gave them: in the order of the files' names."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from schemas.errors import SparringError
from sparring.replay.rows import image_of, in_order, is_image, open_rows
from sparring.sources.store import is_remote

_ROWS_AT_ONCE: Final = 64


def open_cells(uri: str, column: str) -> Any:
    """The dataset.

    Raises:
        ValueError: it has no such column, or no images in it.
        SparringError, OSError: it cannot be opened.
    """
    if not is_remote(uri):
        Path(uri).stat()  # it knows why nothing is there
    try:
        dataset = open_rows(uri, "parquet")
    except SparringError:
        dataset = open_rows(uri, "arrow")
    if column not in dataset.schema.names:
        raise ValueError(f"the dataset has no column {column!r}")
    if not is_image(dataset.schema.field(column).type):
        raise ValueError(f"column {column!r} holds no encoded images")
    return dataset


def cells(dataset: Any, column: str, numbers: Sequence[int]) -> Iterator[tuple[int, bytes | None]]:
    """The images of these rows; None where there is none. numbers: rising."""
    begin = 0
    for file in in_order(dataset):
        if begin > numbers[-1]:
            return
        end = begin + file.count_rows()
        wanted = numbers[bisect_left(numbers, begin) : bisect_left(numbers, end)]
        if wanted:
            for row, value in _of_file(file, column, [number - begin for number in wanted]):
                yield begin + row, value
        begin = end


def _of_file(file: Any, column: str, rows: Sequence[int]) -> Iterator[tuple[int, bytes | None]]:
    begin = 0
    for batch in file.to_batches(columns=[column], batch_size=_ROWS_AT_ONCE, batch_readahead=1, fragment_readahead=1):
        end = begin + batch.num_rows
        for row in rows[bisect_left(rows, begin) : bisect_left(rows, end)]:
            yield row, image_of(batch.column(0)[row - begin].as_py())
        if end > rows[-1]:
            return
        begin = end
