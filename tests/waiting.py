"""The one place where tests wait: for something to become true, with a deadline."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

_AGAIN_AFTER_S: Final = 0.05


def eventually(predicate: Callable[[], T | None], within_s: float, what: str) -> T:
    """The first true answer of `predicate`; fails naming `what`, and the last answer, after `within_s`."""
    deadline = time.monotonic() + within_s
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:g} s for {what}; last seen: {answer!r}")
        threading.Event().wait(_AGAIN_AFTER_S)
    return answer
