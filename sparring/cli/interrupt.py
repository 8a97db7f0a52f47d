"""Ctrl-C once: a command that is stopping is not interrupted again."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


def _raise() -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def interrupted_once(interrupt: Callable[[], None] = _raise) -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP calls `interrupt`; later ones are ignored.

    Args:
        interrupt: raises KeyboardInterrupt, or has it raised at a safe point. Stopping needs a time limit of its own.
    """
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handle(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        interrupt()

    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
