"""What was named becomes files: folders and patterns are expanded, a path that leads nowhere is an error."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PICTURES: Final = (".jpeg", ".jpg", ".png", ".webp")
TABLES: Final = (".arrow", ".json")
MJPEGS: Final = (".mjpeg", ".mjpg")
VIDEOS: Final = (".avi", ".m4v", *MJPEGS, ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm")
"""How a name ends; MJPEGS: of a file of JPEGs one after the other. A folder's other files are left out; a file that was
named itself is looked into."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files in the order of the names given; left_out: how many of the folders' entries are none: by their name, or
    as they are hidden, or links to folders."""

    files: tuple[Path, ...]
    left_out: int = 0


def find_files(names: Sequence[str]) -> FoundFiles:
    """Expand files, folders and patterns.

    Raises:
        FileNotFoundError: a name is neither, a pattern matches nothing, a folder has no frames.
        OSError: a folder, or one in it, cannot be read.
    """
    files: list[Path] = []
    left_out = 0
    for name in names:
        for path in _named(name):
            if not path.is_dir():
                files.append(path)
                continue
            inside = list(_entries(path))
            taken = sorted(one for one in inside if _is_frame(one))
            if not taken:
                raise FileNotFoundError(_empty(path, inside))
            files += taken
            left_out += len(inside) - len(taken)
    return FoundFiles(tuple(files), left_out)


def said_left_out(count: int) -> str:
    """What to say of `FoundFiles.left_out`."""
    return f"left out of folders (no frames by their names, hidden, or links to folders): {count}"


def _named(name: str) -> list[Path]:
    path = Path(name)
    if path.exists():  # first: a file's name may look like a pattern
        return [path]
    if not glob.has_magic(name):
        raise FileNotFoundError(f"{name}: there is no such file or folder")
    # Path.glob takes no absolute pattern.
    matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207
    if "**" in name:
        matches = [path for path in matches if not path.is_dir()]  # their files are matched by themselves
    if not matches:
        raise FileNotFoundError(f"{name}: no file matches; `**` stands for folders, as in 'shelf/**/*.jpg'")
    return matches


def _is_frame(path: Path) -> bool:
    is_named = path.suffix.lower() in (*PICTURES, *TABLES, *VIDEOS) and not path.name.startswith(".")
    return is_named and not path.is_dir()


def _entries(folder: Path) -> Iterator[Path]:
    """All files below, and links to folders; nothing of a folder whose name begins with a dot."""
    for root, folders, names in os.walk(folder, onerror=_raised):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(root, name).is_symlink()]
        yield from (Path(root, name) for name in (*names, *links))


def _raised(error: OSError) -> None:
    """A folder that cannot be read is passed over otherwise."""
    raise error


def _empty(folder: Path, others: Iterable[Path]) -> str:
    count = len(list(others))
    what = f"none of its {count} files has a frame's name" if count else "it has no files"
    return f"{folder}: {what}; expected names that end in {' '.join((*PICTURES, *TABLES, *VIDEOS))}"
