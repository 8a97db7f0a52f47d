"""How far long work is: one line on stderr, replaced in place on a terminal, else a new line every few seconds.

Stdout stays free for what a command prints for programs.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Self, TypeVar

from rich.live import Live
from rich.text import Text

from sparring.cli.out import escape_controls, note
from sparring.cli.tables import console

LINE_EVERY_S: Final = 5.0
"""Seconds between lines where stderr is not a terminal."""
_REFRESH_PER_S: Final = 4.0

T = TypeVar("T")


class ProgressLine:
    """Shows a line while its block runs. Other output to stderr appears above it.

    Args:
        line: takes the seconds since the block began, never 0, and returns the line; empty: nothing to show yet.
        terminal_only: show nothing where stderr is not a terminal.
    """

    def __init__(self, line: Callable[[float], str], *, terminal_only: bool = False) -> None:
        self._line = line
        self._terminal_only = terminal_only
        self._began_at_s = time.monotonic()
        self._live: Live | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._began_at_s = time.monotonic()
        out = console(stderr=True)
        if out.is_terminal:
            self._live = Live(
                get_renderable=lambda: Text(escape_controls(self.line())),
                console=out,
                refresh_per_second=_REFRESH_PER_S,
                transient=True,
                redirect_stdout=False,
            )
            self._live.start()
        elif not self._terminal_only:
            threading.Thread(target=self._print_lines, name="progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._live is not None:
            self._live.stop()

    def line(self) -> str:
        """The present line."""
        return self._line(max(time.monotonic() - self._began_at_s, 0.001))

    def _print_lines(self) -> None:
        while not self._ended.wait(LINE_EVERY_S):
            if line := self.line():
                note(line)


def watched(things: Iterable[T], what: str) -> Iterator[T]:
    """The same things, counted in a line meanwhile. what: their plural, as in `1,234 frames read`."""
    count = 0
    with ProgressLine(lambda elapsed_s: f"{count:,} {what} read, {count / elapsed_s:,.0f} a second"):
        for thing in things:
            count += 1
            yield thing


@contextmanager
def part_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Progress of work in several parts. Yields a function of a part's name, how much of it is done, and its size."""
    part = _Part()
    with ProgressLine(lambda _: part.line()):
        yield part.update


@contextmanager
def topic_progress() -> Iterator[Callable[[str, int], None]]:
    """Progress of reading topics, on a terminal only. Yields a function of a topic's name and its records read."""
    line = "reading"

    def update(topic: str, count: int) -> None:
        nonlocal line
        line = f"{topic}: {count:,} records"

    with ProgressLine(lambda _: line, terminal_only=True):
        yield update


class _Part:
    """The present part of the work."""

    def __init__(self) -> None:
        self._name, self._done, self._size = "", 0, 0
        self._began_at_s = 0.0

    def update(self, name: str, done: int, size: int) -> None:
        if name != self._name:
            self._began_at_s = time.monotonic()
        self._name, self._done, self._size = name, done, size

    def line(self) -> str:
        if not self._done:
            return self._name
        left_s = (time.monotonic() - self._began_at_s) * max(0, self._size - self._done) / self._done
        return f"{self._name}: {self._done:,} of {self._size:,}, {left_s:,.0f} s left"
