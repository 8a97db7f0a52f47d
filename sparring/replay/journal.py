"""What a replay has sent, missed and written, in one SQLite file: another run continues from it after a crash.

A frame is noted before it is sent, and again once its answers are in the dataset. So each frame is sent at least once,
and each answered frame is in the dataset once. A file of the dataset that no note names was being written during the
crash: it is deleted, and its frames are replayed again. One process at a time has the journal open (`Lock`).
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from schemas.errors import SparringError
from sparring.replay.plan import Plan


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit at the end, roll back where anything is raised; OSError, naming the file, where SQLite is at fault: its
    disk is full, mostly. db: which begins no transaction by itself (isolation_level None)."""
    try:
        with db:
            db.execute("BEGIN")
            yield db
    except sqlite3.Error as error:
        (_, _, path), *_ = db.execute("PRAGMA database_list")
        raise OSError(f"{path}: {error}") from error


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


FOLDER: Final = "_replay"
"""In the dataset's folder; readers of datasets pass over names that begin with an underscore."""

_TABLES: Final = """
    CREATE TABLE plan (plan BLOB NOT NULL);
    CREATE TABLE sent (number INTEGER PRIMARY KEY, times INTEGER NOT NULL);
    CREATE TABLE written (number INTEGER PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE missing (number INTEGER PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE files (path TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE namespaces (name TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Journal:
    """Of one replay; a context manager, for one thread, and for one process until it is closed. OSError where the file
    cannot be written."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, plan: Plan, lock: Lock) -> None:
        self.folder = folder
        """The dataset's."""
        self.plan = plan
        self._db = connection
        self._lock = lock
        self._lasts: dict[int, int] = {}
        """By partition: the last number that a run before has sent."""

    @staticmethod
    def check_free(folder: Path) -> None:
        """FileExistsError where the folder holds a replay already."""
        if (folder / FOLDER / "journal.sqlite").exists():
            raise FileExistsError(
                f"{folder} holds a replay: `sparring replay --resume {folder}` goes on with it; a new one needs a "
                "folder of its own"
            )

    @classmethod
    def begin(cls, folder: Path, plan: Plan) -> Self:
        """A new one. FileExistsError where the folder has one already; SparringError where one begins just now."""
        path = folder / FOLDER / "journal.sqlite"
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder) as lock:
            cls.check_free(folder)
            beginning = path.with_suffix(".beginning")
            beginning.unlink(missing_ok=True)
            db = sqlite3.connect(beginning)
            db.executescript(_TABLES)
            db.execute("INSERT INTO plan VALUES (?)", (msgspec.json.encode(plan),))
            db.commit()
            db.close()
            beginning.replace(path)
            return cls._opened(folder, lock)

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """The one that is there. FileNotFoundError where there is none; SparringError where a process works on it."""
        if not (folder / FOLDER / "journal.sqlite").exists():
            raise FileNotFoundError(f"{folder} holds no replay: `sparring replay ... --out {folder}` begins one")
        with _locked(folder) as lock:
            return cls._opened(folder, lock)

    @classmethod
    def _opened(cls, folder: Path, lock: Lock) -> Self:
        # Threads: a replay's loop may run in another than the one that opened it, never in two.
        db = sqlite3.connect(folder / FOLDER / "journal.sqlite", isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        (content,) = db.execute("SELECT plan FROM plan").fetchone()
        return cls(folder, db, msgspec.json.decode(content, type=Plan), lock)

    def sending(self, number: int) -> None:
        """This frame is about to be sent."""
        with transaction(self._db) as db:
            db.execute("INSERT INTO sent VALUES (?, 1) ON CONFLICT (number) DO UPDATE SET times = times + 1", (number,))

    def take_back(self, number: int) -> None:
        """It was not sent: it is too large."""
        with transaction(self._db) as db:
            db.execute("UPDATE sent SET times = times - 1 WHERE number = ?", (number,))

    def refuse(self, number: int) -> None:
        """This one is the source's, and cannot be read: never sent, it is missing once it is gone."""
        with transaction(self._db) as db:
            db.execute("INSERT OR IGNORE INTO sent VALUES (?, 0)", (number,))

    def is_written(self, number: int) -> bool:
        """Whether this frame's answers are in the dataset."""
        return self._db.execute("SELECT 1 FROM written WHERE number = ?", (number,)).fetchone() is not None

    def wrote(self, numbers: Iterable[int], files: Iterable[str]) -> None:
        """The answers of these frames are in these files, which are there."""
        with transaction(self._db) as db:
            db.executemany("INSERT OR IGNORE INTO files VALUES (?)", ((path,) for path in files))
            db.executemany("INSERT OR IGNORE INTO written VALUES (?)", ((number,) for number in numbers))

    def miss(self, numbers: range) -> None:
        """These are no longer where they were. numbers: of one partition, at a step that is the same for all of them.

        Up to the last one that was sent, a run before read them all: of those only what was sent, or refused, and is
        not written is missing, and what that run missed; the others were none of the source's. Beyond it, all are.
        """
        step, rest = numbers.step, numbers.start % numbers.step
        if rest not in self._lasts:
            last = "SELECT max(number) FROM sent WHERE number % ? = ?"
            (found,) = self._db.execute(last, (step, rest)).fetchone()
            self._lasts[rest] = -1 if found is None else found
        begin = max(numbers.start, self._lasts[rest] + step) if self._lasts[rest] >= 0 else numbers.start
        with transaction(self._db) as db:
            db.execute(
                "INSERT OR IGNORE INTO missing SELECT number FROM sent WHERE number >= ? AND number < ? "
                "AND number % ? = ? AND number NOT IN (SELECT number FROM written)",
                (numbers.start, numbers.stop, step, rest),
            )
            beyond = ((number,) for number in range(begin, numbers.stop, step))
            db.executemany("INSERT OR IGNORE INTO missing VALUES (?)", beyond)

    @property
    def missing(self) -> int:
        """Frames that were gone before they were written, of all runs."""
        return int(self._db.execute("SELECT count(*) FROM missing").fetchone()[0])

    def forget_files_in_the_making(self) -> int:
        """Remove the dataset's files that no note names; how many there were."""
        known = {path for (path,) in self._db.execute("SELECT path FROM files")}
        strange = [
            path
            for path in self.folder.glob("date=*/model=*/*")
            if str(path.relative_to(self.folder)) not in known and path.name.lstrip(".").startswith(self.plan.id)
        ]
        for path in strange:
            path.unlink()
        return len(strange)

    def counts(self) -> tuple[int, int, int]:
        """Frames that were sent, that were sent more than once, and whose answers are written."""
        some = "SELECT count(*), count(*) FILTER (WHERE times > 1) FROM sent WHERE times > 0"
        sent, again = self._db.execute(some).fetchone()
        (written,) = self._db.execute("SELECT count(*) FROM written").fetchone()
        return sent, again, written

    def note_end(self) -> None:
        """Every frame that is still there was sent, and its answers are written."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES ('ended', '1')")

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self._db.execute("SELECT 1 FROM facts WHERE name = 'ended'").fetchone() is not None

    def attempt(self) -> int:
        """The number of this run, from 1; each call returns the next."""
        self._db.execute(
            "INSERT INTO facts VALUES ('attempts', '1') "
            "ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
        )
        (number,) = self._db.execute("SELECT value FROM facts WHERE name = 'attempts'").fetchone()
        return int(number)

    def note_namespace(self, name: str) -> None:
        """Topics of this prefix are about to be made."""
        self._db.execute("INSERT OR IGNORE INTO namespaces VALUES (?)", (name,))

    def namespaces(self) -> list[str]:
        """Prefixes of topics that may still be there."""
        return [name for (name,) in self._db.execute("SELECT name FROM namespaces")]

    def forget_namespace(self, name: str) -> None:
        """Topics of this prefix are gone."""
        self._db.execute("DELETE FROM namespaces WHERE name = ?", (name,))

    def close(self) -> None:
        """Close the file, and let another process have it."""
        self._db.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[Lock]:
    """The lock, released where opening the journal fails."""
    lock = Lock.take(folder / FOLDER / "journal.lock", f"the replay in {folder}")
    try:
        yield lock
    except BaseException:
        lock.release()
        raise
