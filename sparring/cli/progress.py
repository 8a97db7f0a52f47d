"""How far something is, while it goes on: a line that changes on a terminal, else a new line now and then.

On stderr, so that a program can read what a command prints on stdout.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Self, TypeVar

from rich.live import Live
from rich.text import Text

from sparring.cli.out import note, shown
from sparring.cli.tables import console

T = TypeVar("T")

LINE_EVERY_S: Final = 5.0
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
                get_renderable=lambda: Text(shown(self.line())),
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
