"""How far something is, while it goes on: a line that changes on a terminal, else a new line now and then.

On stderr, so that a program can read what a command prints on stdout.

How far a long piece of work is, and how long it will still take: bars on a terminal, else a line now and then.

On stderr, so that a program can read what a command prints on stdout.

How far reading topics is: one line on stderr that changes; none where stderr is no terminal.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self, TypeVar

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.status import Status
from rich.text import Text

from sparring.cli.out import escape_controls, note
from sparring.cli.tables import console

LINE_EVERY_S: Final = 5.0


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """Yields what is told of each part: what it is, how much of it is done, of how much."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=out, transient=True) as progress:
        tasks = {}

        def told(what: str, done: int, whole: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(escape_controls(what), total=whole)
            progress.update(tasks[what], completed=done)

        yield told


class _Lines:
    """A line for each part that takes longer than a few seconds, and as long as it does."""

    def __init__(self) -> None:
        self._what, self._began_s, self._said_s = "", 0.0, 0.0

    def __call__(self, what: str, done: int, whole: int) -> None:
        now_s = time.monotonic()
        if what != self._what:
            self._what, self._began_s, self._said_s = what, now_s, now_s
        if now_s - self._said_s < LINE_EVERY_S or not done:
            return
        self._said_s = now_s
        left_s = (now_s - self._began_s) * max(0, whole - done) / done
        note(f"{what}: {done:,} of {whole:,}, {left_s:,.0f} s left")


T = TypeVar("T")

_REFRESH_PER_S: Final = 4.0


class Progress:
    """Shows a line until it is left. What is written to stderr meanwhile stands above it.

    Args:
        line: says how far it is. It is given the seconds since the beginning, never 0.
    """

    def __init__(self, line: Callable[[float], str]) -> None:
        self._line = line
        self._started_s = time.monotonic()
        self._live: Live | None = None
        self._left = threading.Event()

    def __enter__(self) -> Self:
        self._started_s = time.monotonic()
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
        else:
            threading.Thread(target=self._tick, name="progress", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        if self._live is not None:
            self._live.stop()

    def line(self) -> str:
        """How far it is now."""
        return self._line(max(time.monotonic() - self._started_s, 0.001))

    def _tick(self) -> None:
        while not self._left.wait(LINE_EVERY_S):
            note(self.line())


def watched(things: Iterable[T], what: str) -> Iterator[T]:
    """The same things, with a line that counts them meanwhile. what: as in `1,234 frames read`."""
    count = 0
    with Progress(lambda elapsed_s: f"{count:,} {what} read, {count / elapsed_s:,.0f} a second"):
        for one in things:
            count += 1
            yield one


@contextmanager
def reading() -> Iterator[Callable[[str, int], None]]:
    """Yields what is told of each topic and how many of its records are read."""
    out = console(stderr=True)
    with Status("reading", console=out) as status:

        def told(topic: str, count: int) -> None:
            if count % 100 == 0:
                status.update(Text(escape_controls(f"{topic}: {count:,} records")))

        yield told if out.is_terminal else _nobody_looks


def _nobody_looks(_topic: str, _count: int) -> None:
    pass
