"""One Kafka and one Valkey for all test processes of a run.

The first test process that needs them starts them, the others join. The process that started them stops them at the end
of its session, when the others have left. File locks hold both roles: a process that is killed lets go of its locks,
and where the starter is killed, the reaper of its stack ends the servers.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from sparring.stack import LocalStack
from sparring.stack.folder import Addresses, Folder
from tests.waiting import eventually

_LEAVE_S_MAX: Final = 3600.0
"""The longest that the others may need for the rest of the run."""
WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER", "alone")
"""This test process among those of the run, as xdist names it: part of every namespace that several of them use."""


class SharedServers:
    """This test process's part in the servers of the run.

    Args:
        folder: a folder that all test processes of the run share, and no other run.
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "servers"
        self._members = folder / "members.lock"
        self._starting = folder / "starting.lock"
        self._member_fd: int | None = None
        self._started: LocalStack | None = None

    def join(self) -> Addresses:
        """The addresses of the servers. They run until `leave`, at least.

        Raises:
            StackError: when this process is the first, and the servers do not start.
        """
        self._member_fd = _open(self._members)
        fcntl.flock(self._member_fd, fcntl.LOCK_SH)
        starting_fd = _open(self._starting)
        try:
            fcntl.flock(starting_fd, fcntl.LOCK_EX)
            addresses = Folder(self._data).addresses()
            if addresses is None:
                self._started = LocalStack(self._data, namespace="servers", services=())
                self._started.start()
                addresses = Folder(self._data).addresses()
        finally:
            os.close(starting_fd)
        assert addresses is not None, f"a stack that runs has published its addresses in {self._data}"
        return addresses

    def leave(self) -> None:
        """Let go of the servers; the process that started them waits until all have left, and stops them."""
        if self._member_fd is None:
            return
        if self._started is not None:
            eventually(self._all_others_left, _LEAVE_S_MAX, "the other test processes to leave the servers")
            self._started.stop()
            self._started = None
        os.close(self._member_fd)
        self._member_fd = None

    def _all_others_left(self) -> bool:
        assert self._member_fd is not None
        try:
            fcntl.flock(self._member_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
