"""Where a client connects to when nobody says it: the local stack, with what else the environment sets."""

import os
from pathlib import Path

import pytest

from sparring.stack.folder import Addresses, Folder
from sparring.stack.reaper import ProcessRef
from sparring.system.connection import found_settings


def test_a_client_of_the_local_stack_keeps_answers_as_long_as_its_indexer_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    itself = ProcessRef.of("stack", os.getpid())
    Folder(tmp_path).publish(Addresses("127.0.0.1:1", "redis://127.0.0.1:2", str(tmp_path), "mine", itself))
    monkeypatch.delenv("SPARRING_KAFKA", raising=False)
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    monkeypatch.setenv("SPARRING_RESULT_TTL_S", "600")
    found = found_settings()
    assert (found.kafka, found.redis, found.namespace) == ("127.0.0.1:1", "redis://127.0.0.1:2", "mine")
    assert found.result_ttl_s == 600
