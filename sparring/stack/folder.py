"""The data folder of one stack: its lock, its servers' addresses, the leftovers of a killed stack.

stack.lock   held (flock) by the stack's process and its leash: free only when everything has ended
stack.json   addresses and processes, written when all is ready; removed when the stack stops
log/  kafka/  valkey/  store/  references/
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from sparring.stack.errors import StackError
from sparring.stack.reaper import END_S_MAX, ProcessRef, end_in_order

DATA_VARIABLE: Final = "SPARRING_DATA"
RELEASE_S_MAX: Final = 30.0
"""How long a new stack waits for the remains of a killed one to end."""

_AGAIN_AFTER_S: Final = 0.05


class Addresses(msgspec.Struct, frozen=True):
    """`stack.json`, for `sparring.Client()`. kafka: bootstrap servers; redis: a URL; store: a folder."""

    kafka: str
    redis: str
    store: str
    namespace: str
    stack: ProcessRef
    processes: tuple[ProcessRef, ...] = ()


def default_data() -> Path:
    """`$SPARRING_DATA`, else `~/.sparring`."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named).expanduser().absolute() if named else Path.home() / ".sparring"


def references_folder(data: Path) -> Path:
    """Where frames lie that are too large for Kafka: clients of this machine write there, model processes read."""
    return data / "references"


class Folder:
    """One stack's data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._json = self.path / "stack.json"
        self._lock = self.path / "stack.lock"
        self._lock_fd: int | None = None

    @property
    def lock_fd(self) -> int:
        """The held lock, for the leash to hold too."""
        if self._lock_fd is None:
            raise StackError(f"{self.path} is not held by this process")
        return self._lock_fd

    def take(self) -> None:
        """Hold the folder, and end what a killed stack left in it.

        Raises:
            StackError: when a living stack holds it.
        """
        for room in ("log", "store"):
            (self.path / room).mkdir(parents=True, exist_ok=True)
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + RELEASE_S_MAX
        while not _try_lock(fd):
            holder = self.holder()
            if holder is not None or time.monotonic() > deadline:
                os.close(fd)
                who = f"process {holder.pid}" if holder else "what a killed stack left behind"
                raise StackError(
                    f"a stack already lives in {self.path} ({who}): "
                    f"`sparring down --data {self.path}` ends it, another --data starts one beside it"
                )
            time.sleep(_AGAIN_AFTER_S)
        self._lock_fd = fd
        self._end_leftovers()
        os.truncate(fd, 0)
        os.pwrite(fd, msgspec.json.encode(ProcessRef.of("stack", os.getpid())), 0)

    def holder(self) -> ProcessRef | None:
        """The live process that holds the folder, also while it is starting; None: there is none."""
        try:
            holder = msgspec.json.decode(self._lock.read_bytes(), type=ProcessRef)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return holder if holder.process() else None

    def wait_until_free(self, within_s: float) -> bool:
        """Whether stack and leash let go of the folder in time."""
        if not self._lock.exists():
            return True
        fd = os.open(self._lock, os.O_RDWR)
        deadline = time.monotonic() + within_s
        try:
            while not _try_lock(fd):
                if time.monotonic() > deadline:
                    return False
                time.sleep(_AGAIN_AFTER_S)
            return True
        finally:
            os.close(fd)

    def publish(self, addresses: Addresses) -> None:
        """Write `stack.json`, all or nothing."""
        partial = self._json.with_suffix(f".{os.getpid()}")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(addresses), indent=2))
        partial.replace(self._json)

    def addresses(self) -> Addresses | None:
        """Where the running stack's servers are; None when none runs here, or it is not ready yet."""
        found = self._read()
        return found if found is not None and found.stack.process() else None

    def clean_up(self) -> int:
        """End what a killed stack left behind; how many processes that were."""
        return self._end_leftovers()

    def forget(self) -> None:
        """Remove `stack.json`."""
        self._json.unlink(missing_ok=True)

    def release(self) -> None:
        """Let go of the folder."""
        if self._lock_fd is not None:
            os.truncate(self._lock_fd, 0)
            os.close(self._lock_fd)
            self._lock_fd = None

    def _end_leftovers(self) -> int:
        left = self._read()
        ended = end_in_order(left.processes, END_S_MAX) if left is not None else 0
        self.forget()
        return ended

    def _read(self) -> Addresses | None:
        try:
            return msgspec.json.decode(self._json.read_bytes(), type=Addresses)
        except (FileNotFoundError, msgspec.DecodeError):
            return None


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
