"""A big table in sub-batches: several on their way at once, results in the order of the input."""

import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

import pandas as pd
import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.errors import InferenceError, InferenceTimeoutError
from sparring.dataset.unify import newest_types

BATCH_ROWS: Final = 100
NUM_PARALLEL: Final = 8
NUM_PARALLEL_MAX: Final = 64

Table = TypeVar("Table", pd.DataFrame, pa.Table)


def parallel_infer(
    table: Table,
    ask: Callable[[Table], Table],
    check: Callable[[Table], None],
    *,
    batch_rows: int,
    num_parallel: int,
    retries: int,
    progress: bool,
) -> Table:
    """`ask` each slice of `batch_rows` rows, `num_parallel` at a time; their results as one table.

    Raises:
        TypeError, ValueError: `check` refused a slice; nothing was asked.
        InferenceError, InferenceTimeoutError: of the first sub-batch that failed, with its rows named. What was on
            its way then is waited for, and nothing more is sent.
    """
    rows = len(table)
    firsts = range(0, max(rows, 1), batch_rows)
    for first in firsts:
        check(_rows(table, first, batch_rows))

    failed = threading.Event()

    def ask_rows(first: int) -> Table:
        last = min(first + batch_rows, rows) - 1
        for attempt in range(retries + 1):
            try:
                return ask(_rows(table, first, batch_rows))
            except InferenceTimeoutError as error:
                if attempt == retries or failed.is_set():
                    raise InferenceTimeoutError(f"rows {first} to {last}, attempt {attempt + 1}: {error}") from error
            except InferenceError as error:
                message = f"rows {first} to {last}: {error.message}"
                raise InferenceError(error.error, message, error.stage, error.request_id) from error
        raise AssertionError("a loop of at least one attempt returns or raises")

    with ThreadPoolExecutor(num_parallel, thread_name_prefix="infer") as pool, _bar(rows, shown=progress) as done:
        results = []
        under_way: deque[tuple[int, Future[Table]]] = deque()
        try:
            for first in firsts:
                under_way.append((first, pool.submit(ask_rows, first)))
                if len(under_way) >= 2 * num_parallel:
                    results.append(_next(under_way, done, batch_rows))
            while under_way:
                results.append(_next(under_way, done, batch_rows))
        except BaseException:
            failed.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return _together(results)


def _next(under_way: "deque[tuple[int, Future[Table]]]", done: Callable[[int], None], batch_rows: int) -> Table:
    _, future = under_way.popleft()
    result = future.result()
    done(batch_rows)
    return result


def _rows(table: Table, first: int, count: int) -> Table:
    if isinstance(table, pa.Table):
        return table.slice(first, count)
    return table.iloc[first : first + count]


def _together(results: list[Table]) -> Table:
    if isinstance(results[0], pa.Table):
        table, lost = newest_types(results, dict.fromkeys(name for one in results for name in one.column_names))
        for why in lost.values():
            warnings.warn(f"{why}; a DataFrame has them all", stacklevel=4)
        return table
    return pd.concat(results, ignore_index=True)


@contextmanager
def _bar(rows: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar of rows in a terminal or a notebook; none elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, disable=not (shown and (console.is_terminal or console.is_jupyter))
    ) as bar:
        task = bar.add_task("rows", total=rows)
        yield lambda count: bar.update(task, advance=count)
