"""Ends the process when a run hangs. The hang becomes a crash, which Kafka and the host recover from."""

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
_CHECK_EVERY_S: Final = 0.25


class Watchdog:
    """Watches the duration of each thread's current work: a run, or the fetch of a referenced frame."""

    def __init__(self, run_ms_max: int) -> None:
        self._run_ms_max = run_ms_max
        self._deadlines: dict[int, tuple[float, str]] = {}
        """Thread -> the monotonic time at which its work is overdue, and the message for the log."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, what: str, more_s: float = 0.0) -> Iterator[None]:
        """Around the calling thread's work.

        Args:
            what: the work, for the log.
            more_s: seconds that it may take in addition to the time of a run.
        """
        thread = threading.get_ident()
        within_s = self._run_ms_max / 1000 + more_s
        self._deadlines[thread] = (time.monotonic() + within_s, f"{what} has run for more than {within_s:g} s")
        try:
            yield
        finally:
            del self._deadlines[thread]

    def restart(self) -> None:
        """The next run of the calling thread's work begins: give it the full time of a run."""
        thread = threading.get_ident()
        _, message = self._deadlines[thread]
        self._deadlines[thread] = (time.monotonic() + self._run_ms_max / 1000, message)

    def _watch(self) -> None:
        while True:
            time.sleep(_CHECK_EVERY_S)
            for overdue_at_s, message in list(self._deadlines.values()):
                if time.monotonic() > overdue_at_s:
                    log.critical("%s: ending the process", message)
                    sys.stderr.flush()
                    os._exit(HUNG)
