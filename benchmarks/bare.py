"""The bare queue: a hand-written router and worker on the same broker, with topics of their own."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from kafka.admin import KafkaAdminClient

from benchmarks.stream import Stream
from schemas.topics import fixed_topics
from sparring.stack import LocalStack

_FRAMES, _WORK, _RESULTS = "bare.frames", "bare.work", "bare.results"


class BareQueue:
    """Two processes; use it in a `with` statement. Each is started as its like in the system: the router
    among the stack's processes, the worker in a session of its own, because Linux shares the cores between
    sessions where the machine has other work."""

    def __init__(self, stack: LocalStack, job: Path) -> None:
        self._kafka = stack.kafka
        _create_topics(stack.kafka)
        router = (sys.executable, "-m", "benchmarks.bare_router", stack.kafka, _FRAMES, _WORK)
        worker = (sys.executable, "-m", "benchmarks.bare_worker", stack.kafka, _WORK, _RESULTS, str(job))
        self._router = stack.run("bare-router", router)
        self._worker = subprocess.Popen(worker, stdin=subprocess.PIPE, start_new_session=True)

    def stream(self) -> Stream:
        """Where frames go in and answers come out."""
        return Stream(self._kafka, _FRAMES, _RESULTS, headers=[])

    def processes(self) -> dict[str, psutil.Process]:
        """By their names in the report."""
        running = {"bare router": self._router.pid, "bare worker": self._worker.pid}
        return {name: psutil.Process(pid) for name, pid in running.items() if pid is not None}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.terminate()
        self._worker.communicate()


def _create_topics(kafka: str) -> None:
    """Like the system's own: as many partitions, the same limits."""
    like = fixed_topics("bare")[0]
    topic = {"num_partitions": like.partitions, "replication_factor": 1, "configs": like.config()}
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics(dict.fromkeys((_FRAMES, _WORK, _RESULTS), topic), wait_for_metadata=True)
