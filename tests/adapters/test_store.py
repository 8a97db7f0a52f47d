"""Model files are addressed by their sha256 and checked when they are read."""

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adapters.storage.models import ModelStore
from schemas.errors import RetryLater, SettingError, SparringError

FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
from adapters.storage.models import ModelStore
try:
    ModelStore(sys.argv[1]).put(bytes(200_000))
except Exception as error:
    print(type(error).__name__, error)
"""
"""In a process of its own: no file may grow beyond 64 KiB there, as on a disk that is full."""


def test_a_file_comes_back_by_its_sha256(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path / "store"))
    sha256 = store.put(b"a model")
    assert sha256 == hashlib.sha256(b"a model").hexdigest()
    assert store.put(b"a model") == sha256
    assert ModelStore((tmp_path / "store").as_uri()).get(sha256) == b"a model"


def test_a_file_that_is_not_there_may_come_later(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="cannot be read"):
        ModelStore(str(tmp_path)).get("0" * 64)


def test_a_damaged_file_is_never_loaded(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path))
    sha256 = store.put(b"a model")
    (path,) = tmp_path.rglob(sha256)
    path.write_bytes(b"another model")
    with pytest.raises(SparringError, match="the store is damaged"):
        store.get(sha256)


def test_a_full_store_says_so_by_its_name_and_keeps_nothing_of_the_file(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(f"RetryLater the model store {tmp_path} did not take 200000 bytes: ")
    assert "make room" in ran.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert ModelStore(str(tmp_path)).put(bytes(200_000)) in {path.name for path in tmp_path.rglob("*")}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RetryLater, match=r"file/store cannot be made: .*SPARRING_STORE"):
        ModelStore(str(tmp_path / "file" / "store"))


def test_a_uri_that_is_none_is_a_bad_setting_that_does_not_quote_it() -> None:
    for uri in ("s3://AKIA:s3c/ret+key@bucket/models", "nothing://key:s3c@bucket"):
        with pytest.raises(SettingError, match=r"^SPARRING_STORE: ") as refused:
            ModelStore(uri)
        assert "s3c" not in str(refused.value)
        assert refused.value.__suppress_context__


def test_the_same_file_stored_by_many_at_once_is_whole_at_any_time(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    sha256 = hashlib.sha256(content).hexdigest()
    found, failed, together = [], [], threading.Barrier(8)

    def put() -> None:
        together.wait(10)
        try:
            ModelStore(str(tmp_path)).put(content)
            found.append(ModelStore(str(tmp_path)).get(sha256))
        except SparringError as error:
            failed.append(error)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(one == content for one in found)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [sha256]
