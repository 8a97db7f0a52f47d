"""The log of a pipeline: every inference that was answered, one row per input row.

Without dates it is the index (Redis: the newest PIPELINE_LOG_MAX requests, RESULT_TTL_S long), which holds
what `infer` has returned. With dates it is the topics `results` and `shadows`, as far as they are kept (7
days). `in.*` is the frame itself, while its topic still has it (24 hours). Answers that are errors have no
outputs and no row: `sparring results` shows them.
"""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from schemas.errors import Refused
from schemas.frames import Frame, Origin, is_table
from schemas.limits import KIB, MIB, SHADOW_AGE_MS_MAX
from schemas.names import ModelKey, PipelineName
from schemas.results import Answer
from schemas.tables.encodings import decode_columns
from schemas.tables.read import read_table
from sparring.checks import checked_bool, checked_count, checked_file_name, checked_folder, checked_unix_ms
from sparring.dataset.outputs import read_outputs
from sparring.dataset.unify import columns_of, compatible, newest_types
from sparring.frames.fetch import ReferenceUnreadable, SourceFrame, fetch, resolved
from sparring.results.dataframe import answer_columns, as_frame, challenger_names, checked_dataset, in_order, selected
from sparring.results.log_files import LogFiles
from sparring.results.query import Filter, ResultQuery
from sparring.results.stream import read_results
from sparring.system.connection import Connection

LIMIT: Final = 100
IN_ROW_BYTES_MAX: Final = 64 * KIB
"""Of a row's share of its frame; above it `in.*` is null unless `dataset` names it."""

FILE_BYTES_MAX: Final = 100 * MIB
_REQUESTS_AT_ONCE: Final = 200
_ROWS_MAX: Final = 2**31
"""A limit above it is this one: nothing has so many."""
_NOTHING: Final = pa.table({"time": pa.array([], pa.timestamp("ms"))})
_SLACK_MS: Final = 5_000
"""By how much answers may stand out of the order of time on their topic."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """The arguments of `logs` and `export_logs`, checked. Times are Unix milliseconds, `end` inclusive."""

    limit: int | None
    start: int | None
    end: int | None
    dataset: Sequence[str] | None
    dataset_exclude: Sequence[str] | None

    @classmethod
    def checked(
        cls,
        limit: int | None,
        start_datetime: datetime | None,
        end_datetime: datetime | None,
        dataset: Sequence[str] | None,
        dataset_exclude: Sequence[str] | None,
    ) -> "LogQuery":
        """TypeError or ValueError that names the argument."""
        if limit is not None:
            limit = min(checked_count("limit", limit, 1), _ROWS_MAX)
        start = checked_unix_ms("start_datetime", start_datetime)
        end = checked_unix_ms("end_datetime", end_datetime)
        if (start is None) != (end is None):
            given, other = ("start_datetime", "end_datetime")[:: 1 if end is None else -1]
            raise ValueError(
                f"{other}: None, and {given} came alone; expected both start_datetime and end_datetime, or neither"
            )
        if start is not None and end is not None and start > end:
            raise ValueError(
                f"start_datetime: {start_datetime} is after end_datetime, {end_datetime}; expected it before"
            )
        checked_dataset("dataset", dataset)
        checked_dataset("dataset_exclude", dataset_exclude)
        return cls(limit, start, end, dataset, dataset_exclude)

    def wants_inputs(self) -> bool:
        """Whether any requested column may be an `in.*`."""
        entries = ["*"] if self.dataset is None else self.dataset
        if any(entry.startswith("in.") for entry in entries):
            return True
        return not {"in", "*"}.isdisjoint(entries) and "in" not in (self.dataset_exclude or ())

    def names_inputs(self) -> bool:
        """Whether `dataset` names `in.*` explicitly: then inputs of any size are fetched."""
        return any(entry == "in" or entry.startswith("in.") for entry in self.dataset or ())


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request: its official answer, and its challengers' by `name@version`, as far as they arrived."""

    official: Answer
    challengers: Mapping[str, Answer]


def logs(connection: Connection, name: PipelineName, question: LogQuery, *, arrow: bool) -> pd.DataFrame | pa.Table:
    """The log as one table: newest first; with dates oldest first. TypeError where `arrow` is no boolean."""
    checked_bool("arrow", arrow)
    limit = question.limit or LIMIT
    if question.start is None:
        tables = list(_tables(connection, _newest(connection, name, limit), question))
        tables = _last(tables, limit)
    else:
        requests = list(islice(_by_time(connection, name, question), limit + 1))
        tables = list(_tables(connection, requests, question))
        if sum(table.num_rows for table in tables) > limit:
            warnings.warn(f"there are more than {limit} rows: a larger limit, or export_logs", stacklevel=3)
        tables = _first(tables, limit)
    tables = tables or [_NOTHING]
    table = _as_table(tables, question) if arrow else _as_frame(tables, question)
    return table if question.start is not None else _reversed(table)


def export(
    connection: Connection,
    name: PipelineName,
    question: LogQuery,
    directory: str | os.PathLike[str],
    file_prefix: str | None,
    *,
    arrow: bool,
    data_size_limit: int = FILE_BYTES_MAX,
) -> list[Path]:
    """Write the log, oldest first, to `<file_prefix>-1.json` (or `.arrow`), -2 and so on, in bounded memory.

    TypeError, ValueError: an argument is wrong; nothing was made or written.
    """
    where = checked_folder("directory", directory)
    prefix = name.name if file_prefix is None else checked_file_name("file_prefix", file_prefix)
    bytes_max, as_arrow = checked_count("data_size_limit", data_size_limit, 1), checked_bool("arrow", arrow)
    left = question.limit
    requests = iter(_by_time(connection, name, question))
    with LogFiles(where, prefix, bytes_max, arrow=as_arrow) as files:
        while (left is None or left > 0) and (some := list(islice(requests, _REQUESTS_AT_ONCE))):
            tables = list(_tables(connection, some, question))
            tables = tables if left is None else _first(tables, left)
            left = None if left is None else left - sum(table.num_rows for table in tables)
            for alike in compatible(tables):
                files.add(_as_table(alike, question))
    return files.written


def _newest(connection: Connection, name: PipelineName, rows: int) -> list[LogEntry]:
    """The newest requests that have at least so many rows together, oldest first."""
    found: list[LogEntry] = []
    counted = 0
    for request_id in connection.answers.newest(str(name), rows):
        known = connection.answers.read(request_id, str(name))
        if known.official is None or known.official.status != "ok":
            continue
        arms = {f"{answer.model}@{answer.model_version}": answer for answer in known.challengers}
        found.append(LogEntry(known.official, arms))
        outputs, failure = read_outputs(known.official)
        counted += outputs.num_rows if failure is None else 0
        if counted >= rows:
            break
    return found[::-1]


def _by_time(connection: Connection, name: PipelineName, question: LogQuery) -> Iterator[LogEntry]:
    """Requests that were answered between the two times, oldest first."""
    since, end = question.start or 0, question.end
    wanted = ResultQuery(
        Filter(name),
        since,
        until=None if end is None else end + _SLACK_MS,
        role="official",
        joined=True,
        late_ms=SHADOW_AGE_MS_MAX,
    )
    with read_results(connection.broker, connection.topics, wanted) as requests:
        for request in requests:
            official = request.official.answer
            if since <= official.published_at <= (end or official.published_at) and official.status == "ok":
                yield LogEntry(official, {arm: one.answer for arm, one in request.challengers.items()})


def _tables(connection: Connection, requests: Sequence[LogEntry], question: LogQuery) -> list[pa.Table]:
    """One table for each request whose answer can be read, in their order."""
    inputs = _inputs(connection, requests, question) if question.wants_inputs() else {}
    tables, unread = [], []
    for one in requests:
        names = _challengers(connection, one.official)
        arms = {
            names[arm]: answer
            for arm, answer in one.challengers.items()
            if arm in names and read_outputs(answer)[1] is None
        }
        try:
            tables.append(pa.table(answer_columns(inputs.get(one.official.frame, {}), one.official, arms)))
        except (Refused, pa.ArrowException) as error:
            unread.append(f"{one.official.request_id}: {' '.join(str(error).split())}")
    if unread:
        warnings.warn(
            f"{len(unread)} requests have no row, their answers cannot be read; one is {unread[0]}", stacklevel=4
        )
    return tables


def _as_table(tables: Sequence[pa.Table], question: LogQuery) -> pa.Table:
    """One table, of the newest version's types."""
    table, lost = newest_types(tables, _names(tables, question))
    for why in lost.values():
        warnings.warn(f"{why}; a DataFrame (arrow=False) and export_logs have them all", stacklevel=4)
    return table


def _as_frame(tables: Sequence[pa.Table], question: LogQuery) -> pd.DataFrame:
    """One DataFrame. A cell is what its version gave, whatever others gave."""
    return as_frame(columns_of(tables, _names(tables, question)))


def _names(tables: Sequence[pa.Table], question: LogQuery) -> list[str]:
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    return selected(in_order(names), question.dataset, question.dataset_exclude)


def _first(tables: Sequence[pa.Table], rows: int) -> list[pa.Table]:
    """The first so many rows of all."""
    found = []
    for table in tables:
        if rows > 0:
            found.append(table.slice(0, rows))
            rows -= table.num_rows
    return found


def _last(tables: Sequence[pa.Table], rows: int) -> list[pa.Table]:
    """The last so many rows of all."""
    found: list[pa.Table] = []
    for table in reversed(tables):
        if rows > 0:
            found.append(table.slice(max(0, table.num_rows - rows)))
            rows -= table.num_rows
    return found[::-1]


def _reversed(table: pd.DataFrame | pa.Table) -> pd.DataFrame | pa.Table:
    if isinstance(table, pd.DataFrame):
        return table[::-1].reset_index(drop=True)
    if not table.num_rows:
        return table
    # Not by `take`, which has no kernel for some types that a request may have.
    return pa.concat_tables([table.slice(row, 1) for row in range(table.num_rows - 1, -1, -1)])


def _challengers(connection: Connection, official: Answer) -> dict[str, str]:
    """`name@version` -> the name in the columns."""
    if official.parts == 0 or official.pipeline_version is None:
        return {}
    known = connection.follower.catalog.version(PipelineName.parse(official.pipeline), official.pipeline_version)
    return {} if known is None else {_arm(key): name for key, name in challenger_names(known).items()}


def _arm(key: ModelKey) -> str:
    return f"{key.name}@{key.version}"


def _inputs(connection: Connection, requests: Sequence[LogEntry], question: LogQuery) -> dict[str, dict[str, Any]]:
    """The columns of each request's frame, by the frame's place. What is large, elsewhere or gone is null."""
    origins = {one.official.frame: Origin.parse(one.official.frame) for one in requests}
    frames = fetch(connection.broker, origins.values())
    gone = sum(origin not in frames for origin in origins.values())
    if gone:
        warnings.warn(f"in.* is null for {gone} requests: their frames are no longer in their topic", stacklevel=5)
    large, elsewhere = 0, []
    columns: dict[str, dict[str, Any]] = {}
    for place, origin in origins.items():
        if origin not in frames:
            continue
        original = frames[origin]
        if original.reference is not None and not _is_image(original, origin):
            if not question.names_inputs():
                large += 1  # or it would have no reference
                continue
            try:
                original = resolved(original, connection.settings)
            except ReferenceUnreadable as error:
                elsewhere.append(str(error))
                continue
        table = _request(original, origin)
        if table is None:
            continue
        columns[place], too_large = _decoded(table, len(original.value), every=question.names_inputs())
        large += too_large
    if large:
        warnings.warn(
            f"in.* is null for {large} requests: above {IN_ROW_BYTES_MAX} bytes a row; dataset=['in', ...] fetches it",
            stacklevel=5,
        )
    if elsewhere:
        warnings.warn(f"in.* is null for {len(elsewhere)} requests: {elsewhere[0]}", stacklevel=5)
    return columns


def _is_image(original: SourceFrame, origin: Origin) -> bool:
    """By its header: its bytes may lie elsewhere."""
    try:
        declared = _frame_of(original, origin).declared_type
    except Refused:
        return False
    return declared is not None and not is_table(declared)


def _request(original: SourceFrame, origin: Origin) -> pa.Table | None:
    """The request's table; None for an image, which has no columns."""
    frame = _frame_of(original, origin)
    try:
        kind = frame.content_type
        return read_table(kind, frame.value) if is_table(kind) else None
    except Refused:
        return None  # it was answered, by a version of ours that could read it


def _decoded(table: pa.Table, size: int, *, every: bool) -> tuple[dict[str, Any], bool]:
    """A request's columns as what they stand for, null where they are large, and whether one is. size: bytes of the
    frame; every: however large, as long as they can be decoded."""
    columns: dict[str, Any] = {}
    large = False
    for name in table.column_names:
        column = table[name]
        try:
            decoded = decode_columns(table, [name])[name]
        except Refused:
            decoded = None
        if decoded is None or (not every and (size + decoded.nbytes - column.nbytes) / len(column) > IN_ROW_BYTES_MAX):
            decoded, large = pa.nulls(len(column), column.type if decoded is None else decoded.type), True
        columns[name] = decoded
    return columns, large


def _frame_of(original: SourceFrame, origin: Origin) -> Frame:
    return Frame(original.key, original.value, tuple(original.headers), origin, 0, "")
