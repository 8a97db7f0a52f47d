"""The bare queue: a hand-written router and worker on the same broker, with topics of their own."""

import sys
from pathlib import Path

import psutil
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.stream import Stream
from schemas.topics import fixed_topics
from sparring.stack import LocalStack

_FRAMES, _WORK, _RESULTS = "bare.frames", "bare.work", "bare.results"


class BareQueue:
    """Two processes, started and ended with the stack's own."""

    def __init__(self, stack: LocalStack, material: Path) -> None:
        self._kafka = stack.kafka
        _create_topics(stack.kafka)
        router = (sys.executable, "-m", "benchmarks.bare_router", stack.kafka, _FRAMES, _WORK)
        worker = (sys.executable, "-m", "benchmarks.bare_worker", stack.kafka, _WORK, _RESULTS, str(material))
        self._router = stack.run("bare-router", router)
        self._worker = stack.run("bare-worker", worker)

    def stream(self) -> Stream:
        """Where frames go in and answers come out."""
        return Stream(self._kafka, _FRAMES, _RESULTS, headers=[])

    def processes(self) -> dict[str, psutil.Process]:
        """By their names in the report."""
        running = {"bare router": self._router.pid, "bare worker": self._worker.pid}
        return {name: psutil.Process(pid) for name, pid in running.items() if pid is not None}


def _create_topics(kafka: str) -> None:
    """Like the system's own: as many partitions, the same limits."""
    like = fixed_topics("bare")[0]
    topics = [NewTopic(name, like.partitions, 1, config=like.config()) for name in (_FRAMES, _WORK, _RESULTS)]
    admin = AdminClient({"bootstrap.servers": kafka})
    for created in admin.create_topics(topics).values():
        created.result()
