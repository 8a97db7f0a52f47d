"""Ends this process when a run hangs, or when whoever started it is gone: a hang becomes a crash,
and a crash is survived."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

log = logging.getLogger(__name__)

HUNG: Final = 70
"""Exit code of a process that ended itself because a run took too long."""
_LOOK_S: Final = 0.25


class Watchdog:
    """Watches how long each thread's present work takes: a run, or reading what a frame refers to."""

    def __init__(self, run_ms_max: int) -> None:
        self._run_ms_max = run_ms_max
        self._until_s: dict[int, tuple[float, str]] = {}
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, what: str, more_s: float = 0.0) -> Iterator[None]:
        """Around one run in the calling thread. more_s: what it may take beside a run's time."""
        thread = threading.get_ident()
        within_s = self._run_ms_max / 1000 + more_s
        self._until_s[thread] = (time.monotonic() + within_s, f"{what} has run for more than {within_s:g} s")
        try:
            yield
        finally:
            del self._until_s[thread]

    def again(self) -> None:
        """The next run of the calling thread's work begins: it has a run's time of its own."""
        thread = threading.get_ident()
        _, why = self._until_s[thread]
        self._until_s[thread] = (time.monotonic() + self._run_ms_max / 1000, why)

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(_LOOK_S):
            for until_s, why in list(self._until_s.values()):
                if time.monotonic() > until_s:
                    log.critical("%s: ending the process", why)
                    sys.stderr.flush()
                    os._exit(HUNG)


def end_with_parent(stopping: threading.Event) -> None:
    """Stop when standard input closes, its other end being the process that started this one."""

    def wait() -> None:
        # Not sys.stdin.buffer: at its end the interpreter would want the lock that the reader holds.
        while os.read(sys.stdin.fileno(), 4096):
            continue
        stopping.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()
