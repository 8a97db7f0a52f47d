"""Ends the processes of a stack that died without ending them: killed, crashed, out of memory.

As a program, started by its path, it reads lines from stdin: each is the complete list of children, in the order in
which they end. When the pipe closes, it ends those of the last line that still live. It imports nothing of ours
and costs a few megabytes. `Reaper` starts it. It holds the folder's lock too, so that a new stack in the folder waits.
"""

import contextlib
import signal
import subprocess
import sys
import time
from typing import IO, Final, cast

import msgspec
import psutil

END_S_MAX: Final = 5.0
"""From SIGTERM to SIGKILL: there is no queue to drain any more."""

_CLOCK_SLACK_S: Final = 2.0
_AGAIN_AFTER_S: Final = 0.02


class ProcessRef(msgspec.Struct, frozen=True):
    """A process as others find it again: an id alone may belong to somebody else by then."""

    name: str
    pid: int
    created_s: float

    @classmethod
    def of(cls, name: str, pid: int) -> "ProcessRef":
        """The process that has this id now; one that is already gone is recorded as never alive."""
        try:
            return cls(name, pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return cls(name, pid, 0.0)

    def process(self) -> psutil.Process | None:
        """The process itself while it lives."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created_s) < _CLOCK_SLACK_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def end_in_order(processes: tuple[ProcessRef, ...], within_s: float) -> int:
    """End these one after the other, with SIGKILL where SIGTERM did not within `within_s`; how many lived."""
    ended = 0
    for recorded in processes:
        process = recorded.process()
        if process is None:
            continue
        ended += 1
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself in between
            process.terminate()
            if not has_ended(recorded, within_s):
                process.kill()
                has_ended(recorded, within_s)
    return ended


def has_ended(recorded: ProcessRef, within_s: float) -> bool:
    """Whether it is gone in time."""
    # psutil's own wait counts a zombie as alive, and in a container often no process reaps orphans.
    deadline = time.monotonic() + within_s
    while recorded.process() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_AGAIN_AFTER_S)
    return True


def main() -> None:
    """Read until the stack is gone, then end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    children: tuple[ProcessRef, ...] = ()
    for line in sys.stdin.buffer:
        children = msgspec.json.decode(line, type=tuple[ProcessRef, ...])
    end_in_order(children, END_S_MAX)


class Reaper:
    """Started before the first child, let go after the last one ended."""

    def __init__(self, lock_fd: int) -> None:
        self._child = subprocess.Popen(
            (sys.executable, "-P", __file__),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock_fd,),
            start_new_session=True,
            bufsize=0,
        )

    def hold(self, processes: tuple[ProcessRef, ...]) -> None:
        """These are the children now, in the order in which they are to be ended."""
        # Whoever killed it took this safety away; that is no reason to stop supervising.
        with contextlib.suppress(BrokenPipeError):
            self._pipe().write(msgspec.json.encode(processes) + b"\n")

    def let_go(self) -> None:
        """Everything has ended in order."""
        self._pipe().close()
        self._child.wait()

    def _pipe(self) -> IO[bytes]:
        return cast("IO[bytes]", self._child.stdin)


if __name__ == "__main__":
    main()
