"""Who works on a replay: one process at a time. It is free again however that process ends."""

import fcntl
import os
from pathlib import Path
from typing import Final, Self

from schemas.errors import SparringError

_PID_BYTES_MAX: Final = 20


class Lock:
    """Held from `take` to `release`, by a lock on a file (flock) in which the holder's process id stands."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, path: Path, what: str) -> Self:
        """Hold it. SparringError, naming the process, where another one does. what: is held, for that message."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, _PID_BYTES_MAX, 0).decode(errors="replace") or "that begins just now"
            os.close(fd)
            raise SparringError(
                f"{what} is under way, in process {holder}: wait until it has ended, or end it with Ctrl-C; "
                "--resume goes on then"
            ) from None
        os.truncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        return cls(fd)

    def release(self) -> None:
        """Let go."""
        os.close(self._fd)
