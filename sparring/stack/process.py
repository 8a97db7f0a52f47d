"""One supervised child: started, its log kept, restarted with back-off when it dies, ended on request.

It starts by exec (never a bare fork: the parent has threads) in a process group of its own, so
that Ctrl-C in a terminal reaches only the parent, which then ends everything in its order.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sparring.stack.errors import StackError

BACK_OFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Pause before the first, second, ... restart in a row; the last one repeats."""

STEADY_S: Final = 30.0
"""A process that ran this long restarts after the first back-off."""

END_S_MAX: Final = 12.0
"""From SIGTERM to SIGKILL: a service's own 8 s for draining, and room to spare."""

LOG_LINES_SHOWN: Final = 15


@dataclass(frozen=True)
class Command:
    """What to run. `environment` None: the parent's."""

    name: str
    arguments: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str] | None = None


class Process:
    """A child and the thread that watches over it.

    Args:
        command: what to run.
        log: where its stdout and stderr are appended.
        changed: called after each start and each end, from the watching thread.
    """

    def __init__(self, command: Command, log: Path, changed: Callable[["Process"], None]) -> None:
        self.command = command
        self.name = command.name
        self.log = log
        self.restarts = 0
        self.exit_code: int | None = None
        self._changed = changed
        self._ending = threading.Event()
        self._died = threading.Event()
        self._launching = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._keep_running, name=f"watch-{self.name}", daemon=True)

    def start(self) -> None:
        """Start it and keep it running."""
        self._launch()
        self._watch.start()

    @property
    def pid(self) -> int | None:
        """The child's process id; None while it is down."""
        child = self._child
        return child.pid if child is not None and child.returncode is None else None

    @property
    def state(self) -> str:
        """`running`, `restarting` or `ended`."""
        if self.pid is not None:
            return "running"
        return "ended" if self._ending.is_set() else "restarting"

    def fail_if_dead(self) -> None:
        """For the time of starting up.

        Raises:
            StackError: when it ended since its start, with the last lines of its log.
        """
        if self._died.is_set():
            raise StackError(
                f"{self.name} ended with exit code {self.exit_code}; the end of {self.log}:\n{self.log_end()}"
            )

    def log_end(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES_SHOWN:])

    def end(self, within_s: float = END_S_MAX) -> None:
        """SIGTERM, and SIGKILL when that did not end it in time. Not restarted."""
        with self._launching:
            self._ending.set()
            child = self._child
        if child is None:
            return
        child.terminate()
        try:
            child.wait(within_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if self._watch.ident is not None:
            self._watch.join()

    def _launch(self) -> None:
        with self._launching, self.log.open("ab") as out:
            if self._ending.is_set():
                return
            self._child = subprocess.Popen(
                self.command.arguments,
                cwd=self.command.cwd,
                env=self.command.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                process_group=0,
            )
        self._changed(self)

    def _keep_running(self) -> None:
        in_a_row = 0
        while self._child is not None:
            started = time.monotonic()
            self.exit_code = self._child.wait()
            if self._ending.is_set():
                return
            self._died.set()
            self._changed(self)
            in_a_row = 0 if time.monotonic() - started > STEADY_S else in_a_row
            if self._ending.wait(BACK_OFF_S[min(in_a_row, len(BACK_OFF_S) - 1)]):
                return
            in_a_row += 1
            self.restarts += 1
            self._launch()
