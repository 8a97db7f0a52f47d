"""A Valkey that a test may take away, a namespace of its own, indexers as processes."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka.admin import KafkaAdminClient

from adapters.brokers import Brokers
from adapters.kafka.confirming_producer import ConfirmingProducer
from adapters.redis import AnswerIndex
from schemas.errors import RetryLater
from schemas.results import Answer
from schemas.topics import TopicNames
from sparring.stack import LocalStack, ports, services
from sparring.stack.services import create_fixed_topics
from tests.freezing import freeze
from tests.shared_servers import WORKER
from tests.waiting import eventually

_numbers = count(1)


class OwnValkey:
    """A Valkey on a fixed port, with its data kept on disk while it is away."""

    def __init__(self, folder: Path) -> None:
        port = ports.free_ports(1)[0]
        self._folder = folder
        self._earlier = folder.with_name(f"{folder.name}-earlier")
        self.url = f"redis://{ports.HOST}:{port}/0"
        self._command = services.prepare(folder, port)
        self._client: Any = redis.Redis(ports.HOST, port)
        self._process: subprocess.Popen[bytes] | None = None

    def come(self) -> None:
        self._process = subprocess.Popen(self._command.arguments, cwd=self._command.cwd, stdout=subprocess.DEVNULL)
        eventually(self._answers, 60, "Valkey to answer")

    def go(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remember(self) -> None:
        """As its disk has it now, which is what `forget` goes back to."""
        shutil.rmtree(self._earlier, ignore_errors=True)
        shutil.copytree(self._folder, self._earlier)

    def forget(self) -> None:
        """While it is away: what it was told since `remember` never reached the disk."""
        shutil.rmtree(self._folder)
        self._earlier.rename(self._folder)

    def freeze(self) -> None:
        assert self._process is not None
        freeze(self._process.pid)

    def wipe(self) -> None:
        self._client.flushall()

    def state(self) -> dict[str, object]:
        """Everything in it but how long it will stay."""
        found: dict[str, object] = {}
        for key in sorted(self._client.keys()):
            if self._client.type(key) == b"string":
                continue  # an indexer's number
            if self._client.type(key) == b"hash":
                found[key.decode()] = self._client.hgetall(key)
            else:
                found[key.decode()] = self._client.zrange(key, 0, -1, withscores=True)
        return found

    def close(self) -> None:
        self.go()
        self._client.close()

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.ConnectionError:
            return False


class IndexerProcess:
    """`python -m workers indexer`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "workers", "indexer"],
                env={**os.environ, **environment},
                stderr=out,
                cwd=log.parent,
            )

    def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        self._process.terminate()
        return self._process.wait(60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def lines(self, level: str) -> list[str]:
        """What it logged at this level."""
        # librdkafka's admin client may say its last word past the logger.
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line["message"] for line in lines if line["level"] == level]


class Place:
    """Topics in a namespace of their own on the session's broker, a Valkey, and indexers there."""

    def __init__(self, broker: LocalStack, folder: Path) -> None:
        self.kafka = broker.kafka
        self.namespace = f"indexer-{WORKER}-{next(_numbers)}"
        self.topics = TopicNames(self.namespace)
        with contextlib.closing(KafkaAdminClient(bootstrap_servers=self.kafka)) as admin:
            create_fixed_topics(admin, self.namespace)
        self.valkey = OwnValkey(folder / "valkey")
        self.valkey.come()
        self.index = AnswerIndex(self.valkey.url, self.namespace)
        self._producer = ConfirmingProducer(Brokers(self.kafka))
        self._folder = folder
        self._indexers: list[IndexerProcess] = []

    def indexer(self) -> IndexerProcess:
        environment = {
            "SPARRING_KAFKA": self.kafka,
            "SPARRING_REDIS": self.valkey.url,
            "SPARRING_NAMESPACE": self.namespace,
        }
        started = IndexerProcess(environment, self._folder / f"indexer{len(self._indexers)}.log")
        self._indexers.append(started)
        return started

    def publish(self, *answers: Answer) -> None:
        for answer in answers:
            topic = self.topics.results if answer.official else self.topics.shadows
            self._producer.send(topic, answer.key, answer.value, answer.headers())
        self._producer.flush()

    def publish_raw(self, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
        self._producer.send(self.topics.results, b"key", value, headers)
        self._producer.flush()

    def answered(self, answers: list[Answer]) -> bool:
        """Whether each has its official answer in the index; not while Redis does not say so."""
        try:
            return all(self.index.read(one.request_id, one.pipeline).official for one in answers)
        except RetryLater:
            return False

    def close(self) -> None:
        for indexer in self._indexers:
            indexer.kill()
        self.index.close()
        self.valkey.close()


@pytest.fixture
def place(broker: LocalStack, tmp_path: Path) -> Iterator[Place]:
    with contextlib.closing(Place(broker, tmp_path)) as made:
        yield made


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    with contextlib.closing(OwnValkey(tmp_path)) as made:
        made.come()
        yield made


@pytest.fixture
def index(broker: LocalStack) -> Iterator[AnswerIndex]:
    with contextlib.closing(AnswerIndex(broker.redis, f"index-{WORKER}-{next(_numbers)}", result_ttl_s=100)) as made:
        yield made
