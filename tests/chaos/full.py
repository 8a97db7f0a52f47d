"""The model store's disk is full: who uploads is told so, everybody else goes on."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest

from schemas.errors import EntityNotFoundError
from sparring import Framework
from tests.chaos.arena import TENSOR_IN, Y_OUT, Arena
from tests.small_models import MISCHIEF_STEP

DISK: Final = "1m"
_BALLAST: Final = "ballast"
_FILE_BYTES_MAX: Final = 100
_UPLOAD: Final = """
import resource, sys
if limit := int(sys.argv[3]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
import sparring
try:
    sparring.Client().upload_model(sys.argv[1], sys.argv[2], "python")
except Exception as error:
    print(type(error).__name__, error)
"""
"""In a process of its own, so that its files may be kept small where there is no small disk."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """The folder, as a disk of one MiB where this user may mount one. It must not exist yet."""
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK}", "sparring-store", str(folder))
    with suppress(OSError):
        subprocess.run(mount, capture_output=True, check=False)
    try:
        yield folder
    finally:
        if folder.is_mount():
            unmount = ("umount", "--lazy", str(folder))
            subprocess.run(unmount, capture_output=True, check=True)


def store_full(arena: Arena, rng: Random) -> None:
    """An upload fails and leaves nothing; models that are there are loaded; later there is room again."""
    path = Path(arena.stack.data) / "late.py"
    path.write_text(f"{MISCHIEF_STEP}# {rng.random()}\n")
    name = f"late-{rng.randrange(10**9)}"
    store = Path(arena.stack.environment()["SPARRING_STORE"])
    before = _files(store)
    fresh = arena.client.upload_model(f"fresh-{name}", path, Framework.PYTHON, TENSOR_IN, Y_OUT)
    path.write_text(f"{path.read_text()}# another file\n")
    there = _files(store)
    assert len(there - before) == 1
    with _full(store) as bytes_max:
        said = _upload(arena, name, path, bytes_max)
        assert said.startswith(f"RetryLater the model store {store} did not take "), said
        assert "make room" in said
        assert _files(store) == there
        with pytest.raises(EntityNotFoundError):
            arena.client.get_model(name)
        beside = arena.client.build_pipeline("chaos-beside").add_model_step(fresh).deploy()
    assert _upload(arena, name, path, 0) == ""
    assert arena.client.get_model(name).sha() in {one.name for one in _files(store)}
    beside.undeploy()


@contextmanager
def _full(store: Path) -> Iterator[int]:
    """No room left in it. Gives the most bytes that a file of the uploading process may have; 0: the disk is full."""
    if not store.is_mount():
        yield _FILE_BYTES_MAX
        return
    ballast = store / _BALLAST
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    try:
        yield 0
    finally:
        ballast.unlink()


def _upload(arena: Arena, name: str, path: Path, file_bytes_max: int) -> str:
    """What went wrong; empty where nothing did."""
    command = [sys.executable, "-P", "-c", _UPLOAD, name, str(path), str(file_bytes_max)]
    ran = subprocess.run(command, env=arena.stack.environment(), capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def _files(store: Path) -> set[Path]:
    return {one for one in store.rglob("*") if one.is_file() and one.name != _BALLAST}
