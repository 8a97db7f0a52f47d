"""What `sparring status` shows: read from the folder, the processes, the broker, the catalog and presence."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Literal

import msgspec
import psutil
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.protocol.consumer import OffsetSpec

from adapters.brokers import Brokers
from adapters.catalog import CatalogReader
from adapters.presence import PresenceReader
from schemas.errors import RetryLater
from schemas.presence import Beat
from schemas.topics import TopicNames
from sparring.stack.folder import Addresses, Folder
from sparring.stack.ports import HOST, accepts
from sparring.stack.reaper import ProcessRef

State = Literal["ready", "starting", "down"]


class ProcessStatus(msgspec.Struct, frozen=True):
    """memory_bytes: resident set size; None where the process does not live."""

    name: str
    pid: int
    state: Literal["running", "gone"]
    memory_bytes: int | None
    metrics: str | None = None
    """URL of its /metrics; beside it are /live and /ready. None for Kafka, Valkey and the stack itself."""


class TopicStatus(msgspec.Struct, frozen=True):
    """records: still readable, over all partitions. lag: records that a consumer group has yet to commit."""

    name: str
    partitions: int
    records: int
    lag: dict[str, int]


class PipelineStatus(msgspec.Struct, frozen=True):
    """A pipeline that answers now: `workspace/name`, live version, models as `workspace/name@version`."""

    name: str
    version: str
    models: tuple[str, ...]


class ModelStatus(msgspec.Struct, frozen=True):
    """A living model process. warm: pipeline versions that it can answer for, `workspace/name@version`."""

    model: str
    lane: str
    host: str
    pid: int
    memory_bytes: int
    warm: tuple[str, ...]
    metrics: str | None = None
    """URL of its /metrics."""


class StackStatus(msgspec.Struct, frozen=True):
    """A stack from outside. Where nothing runs, the addresses are None and the lists empty."""

    data: str
    state: State
    kafka: str | None = None
    redis: str | None = None
    store: str | None = None
    namespace: str | None = None
    broker_up: bool = False
    processes: tuple[ProcessStatus, ...] = ()
    topics: tuple[TopicStatus, ...] = ()
    pipelines: tuple[PipelineStatus, ...] = ()
    models: tuple[ModelStatus, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read, and the problems that services report."""


def read_status(folder: Folder) -> StackStatus:
    """The stack in this folder, as it is now."""
    addresses = folder.addresses()
    if addresses is None:
        return StackStatus(str(folder.path), "starting" if folder.holder() else "down")
    status = StackStatus(
        str(folder.path),
        "ready",
        kafka=addresses.kafka,
        redis=addresses.redis,
        store=addresses.store,
        namespace=addresses.namespace,
        processes=tuple(_process(recorded) for recorded in (addresses.stack, *addresses.processes)),
    )
    if not accepts(int(addresses.kafka.rpartition(":")[2])):
        return msgspec.structs.replace(status, problems=(f"nobody listens at {addresses.kafka}",))
    try:
        topics = tuple(_topics(addresses))
        pipelines, models, problems, urls = deployed_and_warm(addresses)
    except (KafkaError, RetryLater) as error:
        return msgspec.structs.replace(status, problems=(f"the broker does not answer: {error!r}",))
    processes = tuple(msgspec.structs.replace(one, metrics=urls.get(one.pid)) for one in status.processes)
    return msgspec.structs.replace(
        status,
        broker_up=True,
        processes=processes,
        topics=topics,
        pipelines=pipelines,
        models=models,
        problems=problems,
    )


def deployed_and_warm(
    addresses: Addresses,
) -> tuple[tuple[PipelineStatus, ...], tuple[ModelStatus, ...], tuple[str, ...], dict[int, str | None]]:
    """Deployed pipelines of the catalog; warm models, problems, and each process's metrics, of presence.

    Raises:
        RetryLater: when the broker does not answer in time.
    """
    names = TopicNames(addresses.namespace)
    with (
        contextlib.closing(CatalogReader(Brokers(addresses.kafka), names.catalog)) as reader,
        contextlib.closing(PresenceReader(Brokers(addresses.kafka), names.presence)) as watch,
    ):
        reader.refresh()
        beats = watch.alive()
    live = ((name, pipeline.live_version) for name, pipeline in reader.catalog.pipelines.items())
    pipelines = tuple(
        PipelineStatus(str(name), version.version, tuple(str(pinned.key) for pinned in version.models()))
        for name, version in live
        if version is not None
    )
    models = tuple(
        ModelStatus(
            beat.model,
            beat.lane or "",
            beat.host,
            beat.pid,
            beat.memory_bytes,
            tuple(f"{warm.pipeline}@{warm.version}" for warm in beat.warm),
            _metrics(beat),
        )
        for beat in beats
        if beat.model is not None
    )
    problems = tuple(f"{beat.process}: {problem}" for beat in beats for problem in beat.problems)
    here = [beat for beat in beats if beat.host == socket.gethostname()]
    return pipelines, models, problems, {beat.pid: _metrics(beat) for beat in here}


def _metrics(beat: Beat) -> str | None:
    """A local stack's processes listen on loopback."""
    here = beat.host == socket.gethostname()
    return f"http://{HOST}:{beat.metrics_port}/metrics" if here and beat.metrics_port else None


def memory_bytes(pid: int) -> int | None:
    """Resident set size of a process; None where it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return None


def _process(recorded: ProcessRef) -> ProcessStatus:
    lives = recorded.process() is not None
    memory = memory_bytes(recorded.pid) if lives else None
    return ProcessStatus(recorded.name, recorded.pid, "running" if lives else "gone", memory)


def _topics(addresses: Addresses) -> Iterator[TopicStatus]:
    names = TopicNames(addresses.namespace)
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=addresses.kafka)) as admin:
        ours = [topic for topic in admin.describe_topics() if topic["name"].startswith(f"{names.namespace}.")]
        places = [
            TopicPartition(topic["name"], partition["partition_index"])
            for topic in ours
            for partition in topic["partitions"]
        ]
        first = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
        end = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        known = {group["group_id"] for group in admin.list_groups()}
        groups = {topic["name"]: known & set(_readers(names, topic["name"])) for topic in ours}
        committed = {
            group: admin.list_group_offsets({group: None})[group]
            for group in {group for readers in groups.values() for group in readers}
        }
    for topic in sorted(topic["name"] for topic in ours):
        mine = [place for place in places if place.topic == topic]
        yield TopicStatus(
            topic,
            len(mine),
            sum(end[place].offset - first[place].offset for place in mine),
            {
                group: sum(
                    end[place].offset - max(_offset(committed[group], place), first[place].offset) for place in mine
                )
                for group in sorted(groups[topic])
            },
        )


def _readers(names: TopicNames, topic: str) -> tuple[str, ...]:
    """The consumer groups that must read this topic to its end."""
    if topic == names.frames:
        return (names.router_group(),)
    if topic in {names.results, names.shadows}:
        return (names.indexer_group(),)
    return (topic,)


def _offset(committed: dict[TopicPartition, object], place: TopicPartition) -> int:
    found = committed.get(place)
    return -1 if found is None else int(getattr(found, "offset", -1))
