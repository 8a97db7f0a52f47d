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

from schemas.limits import STOP_S_MAX

log = logging.getLogger(__name__)

HUNG: Final = 70
"""Exit code of a process that ended itself because a run took too long."""
_LOOK_S: Final = 0.25


class Watchdog:
    """Watches how long each thread's present run takes."""

    def __init__(self, run_ms_max: int) -> None:
        self._run_ms_max = run_ms_max
        self._since_s: dict[int, tuple[float, str]] = {}
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """Around one run in the calling thread."""
        thread = threading.get_ident()
        self._since_s[thread] = (time.monotonic(), what)
        try:
            yield
        finally:
            del self._since_s[thread]

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(_LOOK_S):
            for since_s, what in list(self._since_s.values()):
                if (time.monotonic() - since_s) * 1000 > self._run_ms_max:
                    log.critical("%s has run for more than %d ms: ending the process", what, self._run_ms_max)
                    sys.stderr.flush()
                    os._exit(HUNG)


def end_with_parent(stopping: threading.Event) -> None:
    """Stop when standard input closes, its other end being the process that started this one."""

    def wait() -> None:
        # Not sys.stdin.buffer: at its end the interpreter would want the lock that the reader holds.
        while os.read(sys.stdin.fileno(), 4096):
            continue
        stopping.set()
        threading.Event().wait(STOP_S_MAX)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
