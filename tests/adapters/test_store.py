"""Model files are addressed by their sha256 and checked when they are read."""

import hashlib
from pathlib import Path

import pytest

from adapters.store import ModelStore
from schemas.errors import RetryLater, SparringError


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
