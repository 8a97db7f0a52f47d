"""How far a long piece of work is, and how long it will still take: bars on a terminal, else a line now and then.

On stderr, so that a program can read what a command prints on stdout.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sparring.cli.out import note, shown
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
    with Progress(*columns, console=out, transient=True) as progress:
        tasks = {}

        def told(what: str, done: int, whole: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(shown(what), total=whole)
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
