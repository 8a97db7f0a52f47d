"""Lists that show themselves: a table in a notebook, aligned text in a terminal. What a row shows is from when the list
was made. Pure."""

import html
from collections.abc import Iterable, Sequence
from typing import TypeVar

from sparring.printable import shown

T = TypeVar("T")
Row = Sequence[tuple[str, str]]
"""Headings with their texts, the same headings in every row."""


class Listing(list[T]):
    """A list of pipelines, models or workspaces. It has a row for each, whatever it is sorted by or cut to; where
    something else was put in, it shows itself as any list."""

    def __init__(self, what: str, listed: Iterable[tuple[T, Row]]) -> None:
        """what: the plural that an empty list shows."""
        self._what = what
        self._listed = list(listed)
        super().__init__(one for one, _ in self._listed)

    def __repr__(self) -> str:
        rows = self._rows()
        if rows is None:
            return super().__repr__()
        if not rows:
            return f"(no {self._what})"
        lines = [[heading for heading, _ in rows[0]], *([shown(text) for _, text in row] for row in rows)]
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
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading, _ in rows[0])
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for _, text in row)}</tr>" for row in rows)
        return f"<table><tr>{head}</tr>{body}</table>"

    def _rows(self) -> list[Row] | None:
        """Of what is in the list now; None where something has none."""
        known = {id(one): row for one, row in self._listed}
        rows = [known.get(id(one)) for one in self]
        found = [row for row in rows if row is not None]
        return found if len(found) == len(rows) else None
