"""Ctrl-C, once: what has begun to stop is not interrupted again."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


def _raise() -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def interrupted_once(interrupt: Callable[[], None] = _raise) -> Iterator[None]:
    """SIGINT, SIGTERM, SIGHUP call `interrupt`, the first time only: stopping is not interrupted.

    What is called raises KeyboardInterrupt, or sees to it that it is raised where it does no harm. The
    time that stopping takes must have a bound of its own.
    """
    asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def heard(_number: int, _frame: FrameType | None) -> None:
        for number in asked:
            signal.signal(number, signal.SIG_IGN)
        interrupt()

    before = {number: signal.signal(number, heard) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
