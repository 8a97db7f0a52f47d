"""Lists that show themselves: a table in a notebook, aligned text in a terminal. What they show is from when they were
made. Pure."""

import html
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Row = Sequence[tuple[str, str]]
"""Headings with their texts, the same headings in every row."""


class Listing(list[T]):
    """A list of pipelines, models or workspaces. It has a row for each."""

    def __init__(self, what: str, listed: Iterable[tuple[T, Row]]) -> None:
        """what: the plural that an empty list shows."""
        pairs = list(listed)
        super().__init__(one for one, _ in pairs)
        self._what = what
        self._rows = [row for _, row in pairs]

    def __repr__(self) -> str:
        if not self._rows:
            return f"(no {self._what})"
        lines = [[heading for heading, _ in self._rows[0]], *([text for _, text in row] for row in self._rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def _repr_html_(self) -> str:
        if not self._rows:
            return f"(no {self._what})"
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading, _ in self._rows[0])
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for _, text in row)}</tr>" for row in self._rows)
        return f"<table><tr>{head}</tr>{body}</table>"
