"""Files in an object store, such as `s3://bucket/folder/*.jpg`: found as local ones are, fetched one at a time."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import Path

import pyarrow.fs

from sparring.sources.errors import check_bytes
from sparring.sources.paths import PICTURES, TABLES, VIDEOS
from sparring.sources.store import Store, asking


def find_remote(uri: str) -> tuple[str, ...]:
    """The URIs of the files that are meant, sorted: one, those of a folder whose names say that they are frames, or
    those that a pattern of `*`, `**` and `[...]` matches (a `?` begins the store's options).

    Raises:
        FileNotFoundError: there is no such bucket, file or folder; nothing matches.
        PermissionError, OSError: the store refuses, or does not answer.
        SparringError: it is no such URI.
    """
    store = Store.of(uri)
    there = store.info().type
    if there == pyarrow.fs.FileType.File:
        return (store.uri_of(store.path),)
    if there == pyarrow.fs.FileType.Directory:
        found = [path for path in store.below(store.path, recursive=True) if _is_frame(path, store.path)]
        why = f"no file has a frame's name; expected names that end in {' '.join((*PICTURES, *TABLES, *VIDEOS))}"
    elif has_magic(store.path):
        found = _matching(store)
        why = "no file matches; `**` stands for folders, as in 's3://bucket/shelf/**/*.jpg'"
    else:
        found, why = [], "there is no such file or folder"
    if not found:
        raise FileNotFoundError(f"{store.name}: {why}")
    return tuple(map(store.uri_of, found))


@contextlib.contextmanager
def fetched(uri: str, bytes_max: int) -> Iterator[tuple[Path, int]]:
    """The file on this machine's disk while the block runs, and when it was last changed, Unix milliseconds.

    Errors as of `find_remote`; FrameTooLarge where it is no video and has more bytes than a frame may have.
    """
    store = Store.of(uri)
    info = store.info()
    if info.type != pyarrow.fs.FileType.File:
        raise FileNotFoundError(f"{store.name}: there is no such file any more")
    ending = Path(store.path).suffix
    if ending.lower() not in VIDEOS:
        check_bytes(info.size, bytes_max, store.name)
    with tempfile.TemporaryDirectory(prefix="sparring-fetched-") as folder:
        path = Path(folder) / f"fetched{ending}"
        with asking(uri):
            pyarrow.fs.copy_files(store.path, str(path), store.files, pyarrow.fs.LocalFileSystem())
        yield path, (info.mtime_ns or 0) // 1_000_000


def _is_frame(path: str, folder: str) -> bool:
    inside = path.removeprefix(f"{folder}/").split("/")
    return path.lower().endswith((*PICTURES, *TABLES, *VIDEOS)) and not any(part.startswith(".") for part in inside)


def _matching(store: Store) -> list[str]:
    """The files that the store's path matches, as a pattern. Only what lies below its first plain folders is listed."""
    parts = store.path.split("/")
    first = next(number for number, part in enumerate(parts) if has_magic(part))
    folder, pattern = "/".join(parts[:first]), parts[first:]
    paths = store.below(folder, recursive=len(pattern) > 1 or pattern == ["**"])
    return [path for path in paths if matches(path.removeprefix(f"{folder}/").split("/"), pattern)]


def matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path's parts match a pattern's, as `glob` has it: `**` is any number of folders, and what begins with
    a dot is matched only by what begins so too. Pure."""
    if not pattern:
        return not parts
    if not parts:
        return False
    hidden = parts[0].startswith(".") and not pattern[0].startswith(".")
    if pattern[0] == "**":
        return matches(parts, pattern[1:] or ["*"]) or (not hidden and matches(parts[1:], pattern))
    return not hidden and fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])
