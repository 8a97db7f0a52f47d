"""The stack's hold on a process that ends its children when the stack itself cannot.

The pipe to it closes with the stack's process, however that ends. It holds the folder's lock too,
so that a new stack in the folder waits for the remains of the old one.
"""

import contextlib
import subprocess
import sys
from typing import IO, cast

import msgspec

from sparring.stack import remains
from sparring.stack.remains import Recorded


class Leash:
    """Started before the first child, let go after the last one ended."""

    def __init__(self, lock_fd: int) -> None:
        self._child = subprocess.Popen(
            (sys.executable, "-P", remains.__file__),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock_fd,),
            start_new_session=True,
            bufsize=0,
        )

    def hold(self, processes: tuple[Recorded, ...]) -> None:
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
