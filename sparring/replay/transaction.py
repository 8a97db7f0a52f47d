"""A change of a replay's SQLite files: all of it is in the file, or nothing."""

import contextlib
import sqlite3
from collections.abc import Iterator


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
