"""How the SDK's objects show themselves: aligned text in a terminal, tables in a notebook. Pure.

All text is escaped here, once: control characters for a terminal, markup for a notebook.
"""

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
Row = Sequence[tuple[str, str]]
"""Headings with their texts. All rows of one table have the same headings."""

_CONTROLS: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # text direction
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # bytes of a file name that are not UTF-8: they cannot be written
    "]"
)


def escape_controls(text: str) -> str:
    r"""The text on one line, with every character that a terminal acts on escaped as in Python: `\x1b`, `\n`."""
    return _CONTROLS.sub(lambda control: control[0].encode("unicode_escape").decode(), text)


def fields_as_text(row: Row) -> str:
    """One object, a line per field: heading and text in two columns."""
    width = max(len(heading) for heading, _ in row)
    return "\n".join(f"{heading.ljust(width)}  {escape_controls(text)}" for heading, text in row)


def fields_as_html(row: Row) -> str:
    """One object, a table row per field. Headings and texts are escaped."""
    return _html_table([_cell("th", heading) + _cell("td", text) for heading, text in row])


class Listing(list[T]):
    """A list of pipelines, models or workspaces that shows itself as a table.

    The table has a row for each element, whatever the list is sorted by or cut to. The rows' texts are as of the list's
    creation. With an element that was added later the list shows itself as a plain list.
    """

    def __init__(self, what: str, listed: Iterable[tuple[T, Row]]) -> None:
        """Args:
        what: the plural that an empty list shows, as in `(no models)`.
        listed: the elements, each with its row.
        """
        self._what = what
        self._listed = list(listed)
        super().__init__(element for element, _ in self._listed)

    def __repr__(self) -> str:
        rows = self._rows()
        if rows is None:
            return super().__repr__()
        if not rows:
            return f"(no {self._what})"
        lines = [[heading for heading, _ in rows[0]], *([escape_controls(text) for _, text in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def _repr_html_(self) -> str:
        rows = self._rows()
        if rows is None:
            return f"<pre>{html.escape(repr(self))}</pre>"
        if not rows:
            return f"(no {self._what})"
        head = "".join(_cell("th", heading) for heading, _ in rows[0])
        return _html_table([head, *("".join(_cell("td", text) for _, text in row) for row in rows)])

    def _rows(self) -> list[Row] | None:
        """The rows of the current elements; None if an element has no row."""
        row_by_id = {id(element): row for element, row in self._listed}
        rows = [row_by_id.get(id(element)) for element in self]
        known = [row for row in rows if row is not None]
        return known if len(known) == len(rows) else None


def _cell(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>"


def _html_table(rows: Iterable[str]) -> str:
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
