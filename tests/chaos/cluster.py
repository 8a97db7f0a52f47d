"""Several brokers: real Apache Kafka, each node broker and controller, each record on all of them."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from sparring.stack import LocalStack, kafka, ports, services
from sparring.stack.process import Command
from tests.waiting import eventually

HEAP: Final = "-Xmx256m"
MIN_IN_SYNC: Final = 2
_IN_SYNC_S_MAX: Final = 90.0


class Cluster(LocalStack):
    """A LocalStack without services whose Kafka is `nodes` nodes named `kafka-1` and so on; a whole stack runs `on` it.

    changes: settings of each node beside those of a cluster.
    """

    def __init__(self, data: Path, nodes: int = 3, changes: Mapping[str, object] | None = None) -> None:
        super().__init__(data, namespace="bare", services=())
        self.nodes = tuple(f"kafka-{number}" for number in range(1, nodes + 1))
        self._changes = dict(changes or {})
        self._commands: dict[str, Command] = {}

    def leader(self, topic: str, partition: int) -> str:
        """The node that leads this partition now."""
        known = self._admin().list_topics(topic, timeout=10).topics[topic].partitions[partition]
        return f"kafka-{known.leader}"

    def wait_until_in_sync(self) -> None:
        """Returns when every partition has every node as an in-sync replica, and a leader."""
        eventually(self._in_sync, _IN_SYNC_S_MAX, "every partition to be in sync on every node")

    @contextmanager
    def away(self, node: str) -> Iterator[None]:
        """The node is killed, stays away while the block runs, and is then started again."""
        os.kill(self.process(node), signal.SIGKILL)
        self.processes[node].end(within_s=0.0)
        try:
            yield
        finally:
            self._launch(self._commands[node])

    def _start_servers(self) -> None:
        found = ports.free_ports(2 * len(self.nodes) + 1)
        redis_port, brokers, controllers = found[0], found[1::2], found[2::2]
        self.kafka = ",".join(f"{ports.HOST}:{port}" for port in brokers)
        self.redis = f"redis://{ports.HOST}:{redis_port}/0"
        cluster, classpath = kafka.cluster_id(), kafka.classpath(lambda _: None)
        for number, (node, port, controller) in enumerate(zip(self.nodes, brokers, controllers, strict=True), start=1):
            changes = {"node.id": number, **_shared(controllers), **self._changes}
            command = kafka.prepare(self.data / node, classpath, port, controller, changes=changes, cluster=cluster)
            small = tuple(HEAP if word.startswith("-Xmx") else word for word in command.arguments)
            self._commands[node] = replace(command, name=node, arguments=small)
        for command in (services.prepare(self.data / "valkey", redis_port), *self._commands.values()):
            self._launch(command)

    def _in_sync(self) -> bool:
        known = self._admin().list_topics(timeout=10)
        return len(known.brokers) == len(self.nodes) and all(
            len(partition.isrs) == len(self.nodes) and partition.leader >= 0
            for topic in known.topics.values()
            for partition in topic.partitions.values()
        )

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.kafka, "log_level": 0})


def _shared(controllers: list[int]) -> dict[str, object]:
    """What the nodes of one cluster say alike: every record on each of them, confirmed by two."""
    nodes = len(controllers)
    in_sync = min(MIN_IN_SYNC, nodes)
    voters = (f"{number}@{ports.HOST}:{port}" for number, port in enumerate(controllers, start=1))
    return {
        "controller.quorum.voters": ",".join(voters),
        "default.replication.factor": nodes,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": nodes,
        "transaction.state.log.replication.factor": nodes,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": nodes,
        "share.coordinator.state.topic.min.isr": in_sync,
    }
