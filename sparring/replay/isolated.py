"""A router and a host of its own for one version: topics with a prefix of their own, a catalog that only they read.

Nothing of it is official: nobody else reads these topics, nothing is written to Redis, and all is deleted when it is
left. What a process that was killed leaves behind is deleted by the next run: the journal knows the prefix.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from adapters.clock import now_ms
from adapters.settings import Settings
from adapters.storage.models import ModelStore
from schemas.catalog import ModelConfigured, ModelUploaded, PipelineVersionAdded, WorkspaceCreated
from schemas.names import DEFAULT_WORKSPACE
from schemas.pipelines import PipelineVersion
from schemas.topics import fixed_topics
from sparring.deployment.deploy import Deployment
from sparring.kafka.broker import Broker
from sparring.replay.target import copy_models
from sparring.stack import ports, services
from sparring.stack.errors import StackError
from sparring.stack.folder import Folder
from sparring.stack.process import Process
from sparring.stack.reaper import ProcessRef, Reaper
from sparring.system.connection import Connection, who

_PATIENT: Final = {
    "SPARRING_SHADOW_AGE_MS_MAX": "86400000",
    "SPARRING_SHADOW_SHED_AFTER_MS": "0",
    "SPARRING_SHADOW_DELIVERY_MS": "30000",
}
"""Overrides the environment: here no client waits for the champion, and a slow challenger still answers."""

ALIVE_S_MAX: Final = 60.0
DEPLOY_WAIT_S: Final = 120.0
_LOOK_AGAIN_S: Final = 0.2


@contextlib.contextmanager
def isolated_stack(
    settings: Settings, version: PipelineVersion, namespace: str, folder: Path, *, allow_python: bool
) -> Iterator[Connection]:
    """The version answers in a namespace of its own while the block runs.

    Args:
        settings: of the system whose Kafka and models are used.
        version: what answers.
        namespace: prefix of the topics; nobody else's.
        folder: for models, logs and the lock.
        allow_python: whether Python steps may run.

    Raises:
        StackError: router or host ended, with the end of its log, or did not come up in time.
        DeployError: the version was not warm in time.
        ConnectionError: Kafka does not answer, or refuses to make topics.
    """
    store = folder / "store"
    own = dataclasses.replace(settings, namespace=namespace, store=str(store))
    copy_models(version, ModelStore(settings.model_store), ModelStore(str(store)))
    with Broker(own.brokers) as broker:
        broker.create(fixed_topics(namespace))
        try:
            with _services(own, folder, allow_python=allow_python) as processes:
                connection = Connection(own)
                try:
                    _wait_until_alive(connection, processes)
                    _deploy(connection, version)
                    yield connection
                finally:
                    connection.close()
        finally:
            broker.delete(f"{namespace}.")


@contextlib.contextmanager
def _services(settings: Settings, folder: Path, *, allow_python: bool) -> Iterator[list[Process]]:
    """Router and host; on a leash, so that they end with this process, however that ends."""
    environment = environment_of(settings) | _PATIENT | {"SPARRING_ALLOW_PYTHON": str(allow_python).lower()}
    home = Folder(folder)
    home.take()
    leash = Reaper(home.lock_fd)
    processes: list[Process] = []

    def changed(_: Process) -> None:
        running = ((one.name, one.pid) for one in processes)
        leash.hold(tuple(ProcessRef.of(name, pid) for name, pid in running if pid is not None))

    try:
        for name in ("router", "host"):
            command = services.command(name, environment, home.path)
            processes.append(Process(command, home.path / "log" / f"{name}.log", changed))
            processes[-1].start()
        yield processes
    finally:
        for process in processes:
            process.end()
        leash.hold(())
        leash.let_go()
        home.release()


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as a service of this machine reads them. Pure."""
    found: dict[str, str] = {}
    for setting in dataclasses.fields(Settings):
        value = getattr(settings, setting.name)
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        found[f"SPARRING_{setting.name.upper()}"] = text.lower() if isinstance(value, bool) else text
    return found | {"SPARRING_METRICS": f"{ports.HOST}:0"}


def _wait_until_alive(connection: Connection, processes: list[Process]) -> None:
    deadline_s = time.monotonic() + ALIVE_S_MAX
    while {beat.kind for beat in connection.follower.alive()} < {"router", "host"}:
        for process in processes:
            process.fail_if_dead()
        if time.monotonic() > deadline_s:
            ends = "\n".join(f"{one.log}:\n{one.log_end()}" for one in processes)
            raise StackError(
                f"router and host are not ready after {ALIVE_S_MAX:.0f} s; the ends of their logs:\n{ends}"
            )
        connection.follower.wait_for(lambda: False, _LOOK_AGAIN_S)


def _deploy(connection: Connection, version: PipelineVersion) -> None:
    """The same version, models and all, under the same ids: it decides as it did. Only that it waits for no clock: a
    frame of last week is not too old here."""
    version = msgspec.structs.replace(version, frame_age_ms_max=None)
    if version.workspace != DEFAULT_WORKSPACE:
        connection.append(WorkspaceCreated(version.workspace, version.workspace, who(), now_ms()))
    for pinned in version.models():
        connection.append(ModelUploaded(pinned.model))
        connection.append(ModelConfigured(pinned.key, pinned.configuration))
    connection.append(PipelineVersionAdded(version))
    deployment = Deployment(connection, version, DEPLOY_WAIT_S)
    deployment.prepare(new=False)
    deployment.go_live(wait=True)
