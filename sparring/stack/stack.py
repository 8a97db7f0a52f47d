"""LocalStack: Kafka, Valkey, router, host, indexer; stopped in the order in which data flows."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import redis
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from adapters.brokers import Brokers
from sparring.stack import kafka, ports, services
from sparring.stack.errors import StackError
from sparring.stack.folder import Addresses, Folder, references_folder
from sparring.stack.process import Command, Process
from sparring.stack.reaper import ProcessRef, Reaper
from sparring.stack.services import PresenceCheck, create_fixed_topics

SERVICES: Final = ("router", "host", "indexer")
READY_S_MAX: Final = 120.0
_AGAIN_AFTER_S: Final = 0.05
_PLAIN: Final = tuple(f"SPARRING_KAFKA_{part}" for part in ("CA", "CERTIFICATE", "KEY", "USER", "PASSWORD"))
"""Settings that the caller's environment may hold for another system: a stack on loopback has none of it."""

_STOP_ORDER: Final = (*SERVICES, "valkey", "kafka")


def _silent(_: str) -> None:
    """Drop reports of progress."""


class LocalStack:
    """A running stack; use it in a `with` statement, or call `start` and `stop`.

    Args:
        data: the folder that holds everything it writes. One stack at a time lives in it.
        namespace: prefix of its topics and Redis keys.
        services: which of router, host and indexer to run; `()` is Kafka and Valkey alone.
        on: a running stack, or its addresses, whose Kafka and Valkey are used; no servers of its own then.
        kafka_port: where Kafka listens; None takes a free port.
        redis_port: where Valkey listens; None takes a free port.
        allow_python: whether the host may run Python steps.
        environment: more settings for the services.
        report: told, in a few words, what is going on while starting.
    """

    kafka: str
    redis: str

    def __init__(
        self,
        data: Path,
        *,
        namespace: str = "sparring",
        services: tuple[str, ...] = SERVICES,
        on: "LocalStack | Addresses | None" = None,
        kafka_port: int | None = None,
        redis_port: int | None = None,
        allow_python: bool = False,
        environment: Mapping[str, str] | None = None,
        report: Callable[[str], None] = _silent,
    ) -> None:
        unknown = [name for name in services if name not in SERVICES]
        if unknown:
            raise ValueError(f"services: got {unknown}, expected some of {list(SERVICES)}")
        self._folder = Folder(data)
        self.data = self._folder.path
        self.store = str(self.data / "store")
        self.namespace = namespace
        self.processes: dict[str, Process] = {}
        self._services = services
        self._on = on
        self._ports = (kafka_port, redis_port)
        self._allow_python = allow_python
        self._environment = dict(environment or {})
        self._report = report
        self._changing = threading.RLock()
        self._leash: Reaper | None = None
        self._ready = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; returns when all of it is ready.

        Raises:
            StackError: when a stack lives in this folder, a port is taken, or a process ends or is not
                ready in time (with the end of its log). Whatever had started is stopped again.
        """
        self._folder.take()
        try:
            self._leash = Reaper(self._folder.lock_fd)
            if self._on is None:
                self._start_servers()
            else:
                self.kafka, self.redis = self._on.kafka, self._on.redis
            self._until("the broker to answer", self._topics_are_there)
            self._until("Valkey to answer", self._valkey_answers)
            self._start_services()
            self._ready = True
            self._publish()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything in the order in which data flows, and let go of the folder. Twice is once."""
        self._ready = False
        self._folder.forget()
        for process in self._in_stop_order():
            self._report(f"stopping {process.name}")
            process.end()
        if self._leash is not None:
            self._leash.hold(())
            self._leash.let_go()
            self._leash = None
        self._folder.release()

    def environment(self) -> dict[str, str]:
        """The settings with which any process meets this stack."""
        return {
            "SPARRING_KAFKA": self.kafka,
            **dict.fromkeys(_PLAIN, ""),
            "SPARRING_KAFKA_TLS": "false",
            "SPARRING_REDIS": self.redis,
            "SPARRING_STORE": self.store,
            "SPARRING_REFERENCE_ROOTS": str(references_folder(self.data)),
            "SPARRING_REFERENCE_STORE": str(references_folder(self.data)),
            "SPARRING_NAMESPACE": self.namespace,
            "SPARRING_DATA": str(self.data),
            "SPARRING_ALLOW_PYTHON": "true" if self._allow_python else "false",
            # Several processes on one machine: a port that the caller's environment fixes would be taken twice.
            "SPARRING_METRICS": f"{ports.HOST}:0",
            **self._environment,
        }

    def run(self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str] | None = None) -> Process:
        """Run one more process (`arguments` as for exec), supervised like the others, stopped first."""
        settings = {**self.environment(), **(environment or {})}
        return self._launch(Command(name, arguments, self.data, {**os.environ, **settings}))

    def process(self, name: str) -> int:
        """The process id of `router`, `host`, `indexer`, `kafka`, `valkey`, or of one started with `run`.

        Raises:
            StackError: when it is not running now.
        """
        if name not in self.processes:
            raise StackError(f"no process {name!r} in this stack, there are {sorted(self.processes)}")
        pid = self.processes[name].pid
        if pid is None:
            raise StackError(f"{name} is not running now; it is {self.processes[name].state}")
        return pid

    def log(self, name: str) -> Path:
        """The file that holds what this process wrote."""
        return self.data / "log" / f"{name}.log"

    def _start_servers(self) -> None:
        classpath = kafka.classpath(self._report)
        kafka_port, redis_port, controller_port = self._choose_ports()
        self.kafka = f"{ports.HOST}:{kafka_port}"
        self.redis = f"redis://{ports.HOST}:{redis_port}/0"
        self._report(f"starting valkey on {self.redis}")
        self._launch(services.prepare(self.data / "valkey", redis_port))
        self._report(f"starting kafka on {self.kafka}")
        self._launch(kafka.prepare(self.data / "kafka", classpath, kafka_port, controller_port))

    def _start_services(self) -> None:
        started = []
        for name in self._services:
            self._report(f"starting {name}")
            started.append(self._launch(services.command(name, self.environment(), self.data)))
        if started:
            with contextlib.closing(PresenceCheck(Brokers(self.kafka), self.namespace)) as beats:
                self._until("the services to say that they live", lambda: beats.all_alive(started))

    def _choose_ports(self) -> tuple[int, int, int]:
        for name, port in zip(("--kafka-port", "--redis-port"), self._ports, strict=True):
            if port is not None and not ports.is_free(port):
                raise StackError(f"{name} {port}: somebody listens there; without it a free port is taken")
        chosen = ports.free_ports(3)
        return self._ports[0] or chosen[0], self._ports[1] or chosen[1], chosen[2]

    def _launch(self, command: Command) -> Process:
        process = Process(command, self.log(command.name), self._changed)
        with self._changing:
            self.processes[command.name] = process
        process.start()
        return process

    def _changed(self, _: Process) -> None:
        """A child started or ended: the reaper and the readers of stack.json need the new process id."""
        with self._changing:
            if self._leash is not None:
                self._leash.hold(self._recorded())
            if self._ready:
                self._publish()

    def _publish(self) -> None:
        with self._changing:
            stack = ProcessRef.of("stack", os.getpid())
            self._folder.publish(Addresses(self.kafka, self.redis, self.store, self.namespace, stack, self._recorded()))

    def _recorded(self) -> tuple[ProcessRef, ...]:
        running = ((process.name, process.pid) for process in self._in_stop_order())
        return tuple(ProcessRef.of(name, pid) for name, pid in running if pid is not None)

    def _in_stop_order(self) -> list[Process]:
        extra = [process for name, process in self.processes.items() if name not in _STOP_ORDER]
        return extra + [self.processes[name] for name in _STOP_ORDER if name in self.processes]

    def _until(self, what: str, predicate: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S_MAX
        while not predicate():
            for process in self.processes.values():
                process.fail_if_dead()
            if time.monotonic() > deadline:
                ends = "\n".join(f"{one.log}:\n{one.log_end()}" for one in self.processes.values())
                raise StackError(f"waited {READY_S_MAX:.0f} s for {what}; the ends of the logs:\n{ends}")
            time.sleep(_AGAIN_AFTER_S)

    def _topics_are_there(self) -> bool:
        addresses = [server.rpartition(":") for server in self.kafka.split(",")]
        if not any(host != ports.HOST or ports.accepts(int(port)) for host, _, port in addresses):
            return False
        try:
            with contextlib.closing(KafkaAdminClient(bootstrap_servers=self.kafka.split(","))) as admin:
                create_fixed_topics(admin, self.namespace)
        except KafkaError:
            return False
        return True

    def _valkey_answers(self) -> bool:
        try:
            with contextlib.closing(redis.Redis.from_url(self.redis)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
