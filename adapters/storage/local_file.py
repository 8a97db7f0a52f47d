"""One file below a folder of this machine, and nothing that a symbolic link leads to outside of it."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

_NOBODYS: Final = (errno.EACCES, errno.EPERM)


class Denied(Exception):
    """It leads outside of the folder, or this process may not read it."""


class Growing(Exception):
    """It was written to while it was read."""


def read_below(folder: str, parts: Sequence[str], check_size: Callable[[int], None]) -> bytes:
    """The bytes of the file at `parts` below `folder`. check_size: is given its size first, and raises where that is
    too much; never more is read.

    Raises:
        Denied: a symbolic link leads outside, or this process may not read it.
        Growing: somebody writes to it.
        FileNotFoundError, NotADirectoryError, IsADirectoryError: it is not there, or no file.
        OSError: the folder is not there, or its file system does not answer.
    """
    root = _resolved_root(folder)
    try:
        # What the links on the way lead to now. Opened below step by step, and through no link: whoever puts another
        # link there in the meantime gets nowhere.
        path = Path(root, *parts).resolve(strict=True)
        if not path.is_relative_to(root):
            raise Denied("a symbolic link leads out of its root")
        with ExitStack() as closing:
            file = _opened(root, path.relative_to(root).parts, closing)
            size = os.fstat(file).st_size
            check_size(size)
            with open(file, "rb", closefd=False) as stream:
                content = stream.read(size + 1)
    except (RuntimeError, OSError) as error:
        if (why := _denied(error)) is not None:
            raise Denied(why) from error
        raise
    if len(content) != size:
        raise Growing(f"it had {size} bytes, and was written to while it was read")
    return content


def _resolved_root(folder: str) -> Path:
    try:
        return Path(folder).resolve(strict=True)
    except OSError as error:
        # Not a FileNotFoundError: a store that is not there now is another thing than a file that is not in it.
        raise OSError(f"the root {folder} cannot be opened: {error.strerror}") from error


def _opened(root: Path, parts: Sequence[str], closing: ExitStack) -> int:
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    closing.callback(os.close, folder)
    for part in parts[:-1]:
        folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        closing.callback(os.close, folder)
    # Without O_NONBLOCK, opening a pipe would wait for a writer.
    file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
    closing.callback(os.close, file)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise IsADirectoryError(errno.EISDIR, "no file")
    return file


def _denied(error: RuntimeError | OSError) -> str | None:
    """A loop of links is a RuntimeError before Python 3.13."""
    if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
        return "its symbolic links lead nowhere"
    if error.errno == errno.EINVAL:
        return "its symbolic links changed while they were followed"
    return "this process may not read it" if error.errno in _NOBODYS else None
