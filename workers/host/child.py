"""One model process as its host sees it: started by exec, ended by SIGTERM, restarted with back-off."""

import logging
import os
import subprocess
import sys
import time
from typing import Final

import psutil

from schemas.catalog import Deployed
from schemas.limits import STOP_S_MAX
from schemas.names import Lane, ModelKey

CRASHES_MAX: Final = 3
"""Native ends in a row, before any version was loaded: then trying again gives the same."""

log = logging.getLogger(__name__)

_BACK_OFF_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SETTLED_S: Final = 60.0
"""A process that lived this long starts over with the shortest back-off."""


class Child:
    """Starts at once. The pipe to its standard input is its leash: when this host is gone, it closes."""

    def __init__(self, model: ModelKey, lane: Lane, metrics: str) -> None:
        self.model = model
        self.lane: Lane = lane
        # On the host's own interface, at a port of its own; the host names it in /targets.
        self._metrics = f"{metrics.rpartition(':')[0]}:0"
        self._failures = 0
        self._deployments: frozenset[Deployed] = frozenset()
        self.crashes = 0
        """How often in a row a signal ended it; its host sets it to 0 where a process was warm."""
        self._start_at_s = 0.0
        self.renewing = False
        """Asked to end and to be started again; it still runs."""
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int | None:
        """The process id; None between a death and the next start."""
        return None if self._process is None else self._process.pid

    def requested_by(self, deployments: frozenset[Deployed]) -> None:
        """Set the reasons why it is needed. A new reason resets the crash count and the back-off."""
        if deployments - self._deployments:
            self.crashes, self._start_at_s = 0, 0.0
        self._deployments = deployments

    def start(self) -> None:
        """Start the process if it does not run and its back-off is over."""
        if self._process is not None or time.monotonic() < self._start_at_s:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers", "inference", "--model", str(self.model), "--lane", self.lane],
            stdin=subprocess.PIPE,
            env=os.environ | {"SPARRING_PARENT_PIPE": "true", "SPARRING_METRICS": self._metrics},
            # A Ctrl-C in a terminal goes to the whole group: the host alone decides when its children end.
            start_new_session=True,
        )
        self._started_s = time.monotonic()
        log.info("started %s, %s lane, as process %d", self.model, self.lane, self._process.pid)

    def died(self) -> int | None:
        """The pid of a process that has ended since the last call, unasked or to be renewed; or None."""
        if self._process is None:
            return None
        if self.renewing:
            self._kill_if_late()
        if (code := self._process.poll()) is None:
            return None
        self.crashes = self.crashes + 1 if code < 0 and not self.renewing else 0
        self.renewing = False
        pid = self._process.pid
        lived_s = time.monotonic() - self._started_s
        self._failures = 1 if lived_s > _SETTLED_S else self._failures + 1
        wait_s = _BACK_OFF_S[min(self._failures - 1, len(_BACK_OFF_S) - 1)]
        self._start_at_s = time.monotonic() + wait_s
        self._release()
        log.error(
            "%s, %s lane, process %d ended with code %s after %.1f s: started again in %.1f s",
            *(self.model, self.lane, pid, code, lived_s, wait_s),
        )
        return pid

    def end(self) -> None:
        """Ask it to drain and end; `ended` tells when it did."""
        if self._process is not None:
            self._process.terminate()
            self._ending_s = time.monotonic()

    def renew(self) -> None:
        """Ask it to drain and end; once `died` tells that it did, it is started again like one that crashed."""
        self.end()
        self.renewing = True

    def ended(self) -> bool:
        """Whether the ending process has ended; it is killed after STOP_S_MAX."""
        if self._process is None:
            return True
        self._kill_if_late()
        if self._process.poll() is None:
            return False
        self._release()
        return True

    def _kill_if_late(self) -> None:
        late = time.monotonic() - self._ending_s > STOP_S_MAX
        if late and self._process is not None and self._process.poll() is None:
            log.error("%s, %s lane, did not end in %.0f s: killed", self.model, self.lane, STOP_S_MAX)
            self._process.kill()
            self._process.wait()

    def memory_bytes(self) -> int:
        """Resident set size, 0 where it does not run."""
        if self._process is None:
            return 0
        try:
            return psutil.Process(self._process.pid).memory_info().rss
        except psutil.NoSuchProcess:
            return 0

    def _release(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
