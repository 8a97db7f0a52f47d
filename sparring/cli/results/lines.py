"""Answers as lines of a table: written as they come, so the widths are settled before the first. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.cells import cell_len, set_cell_size

from schemas.errors import Refused
from schemas.names import DEFAULT_WORKSPACE
from schemas.results import Answer
from schemas.tables.read import read_arrow
from sparring.cli.out import escape_controls
from sparring.dataset.outputs import failure_of

_GAP: Final = " "


@dataclass(frozen=True, slots=True)
class _Column:
    """width: least, and most where there is room. Numbers stand right."""

    title: str
    width: int
    width_max: int
    right: bool = False


_TIME: Final = _Column("time", 8, 19)
_ROLE: Final = _Column("role", 8, 10)
_COLUMNS: Final = (
    _TIME,
    _Column("request", 8, 36),
    _Column("status", 7, 7),
    _Column("pipeline", 8, 24),
    _ROLE,
    _Column("model", 10, 24),
    _Column("version", 8, 8),
    _Column("answer", 9, 10, right=True),
    _Column("ms", 5, 7, right=True),
)
"""79 columns at least."""

_GROW: Final = ("request", "model", "pipeline", "answer", "ms", "time")
"""Columns that get the remaining width, in this order."""


class Lines:
    """width: of the terminal, in columns. None: no terminal, so nothing is cut. shadow: all are challengers'."""

    def __init__(self, width: int | None, *, shadow: bool = False) -> None:
        self._width = width
        self._columns = tuple(column for column in _COLUMNS if not (shadow and column is _ROLE))
        self._widths = _widths(self._columns, width)

    def head(self) -> str:
        """The titles."""
        return self._line({column.title: column.title for column in self._columns})

    def line(self, answer: Answer) -> str:
        """One answer, without a newline at its end; why it is no result stands below it, or, where nothing is cut,
        behind it."""
        line = self._line(_cells(answer))
        if answer.status == "ok":
            return line
        why = failure_of(answer)
        text = escape_controls(f"{why.error} ({why.stage}): {why.message}")
        return f"{line}  {text}" if self._width is None else f"{line}\n    {_cut(text, self._width - 4)}"

    def _line(self, cells: dict[str, str]) -> str:
        return _GAP.join(self._cell(column, cells[column.title]) for column in self._columns).rstrip()

    def _cell(self, column: _Column, text: str) -> str:
        width = self._widths[column.title]
        if column is _TIME and width < column.width_max:
            text = text[-width:]
        elif column.title in {"pipeline", "model"} and self._width is not None:
            text = _cut(text, width)
        elif self._width is not None:
            text = text[:width]
        return text.rjust(width) if column.right else set_cell_size(text, max(width, cell_len(text)))


def _widths(columns: Sequence[_Column], width: int | None) -> dict[str, int]:
    widths = {column.title: column.width for column in columns}
    most = {column.title: column.width_max for column in columns}
    if width is None:
        return most
    left = width - sum(widths.values()) - len(_GAP) * (len(columns) - 1)
    for title in _GROW:
        more = max(0, min(left, most[title] - widths[title]))
        if title == _TIME.title and more < most[title] - widths[title]:
            continue  # half a date is none
        widths[title] += more
        left -= more
    return widths


def _cells(answer: Answer) -> dict[str, str]:
    done = answer.status == "ok"
    return {
        "time": datetime.fromtimestamp(answer.published_at / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        "request": escape_controls(answer.request_id),
        "status": answer.status,
        "pipeline": escape_controls(answer.pipeline.removeprefix(f"{DEFAULT_WORKSPACE}/")),
        "role": answer.role or "-",
        "model": escape_controls(answer.model or "-"),
        "version": (answer.model_version or "-")[:8],
        "answer": how_much(answer) if done else "-",
        "ms": f"{answer.timings.infer_ns / 1e6:.1f}" if done else "-",
    }


def how_much(answer: Answer) -> str:
    """`12 boxes`, or `3 rows` of an answer without boxes."""
    try:
        table = read_arrow(answer.value)
    except Refused:
        return "no Arrow"
    if "boxes" in table.column_names and table.num_rows == 1:
        boxes = len(table["boxes"][0].as_py()) // 4
        return f"{boxes} {'box' if boxes == 1 else 'boxes'}"
    return f"{table.num_rows} {'row' if table.num_rows == 1 else 'rows'}"


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
