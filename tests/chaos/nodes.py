"""What breaks where Kafka is three nodes: each fault ends with all of them in sync again."""

from random import Random
from typing import Final

from schemas.limits import PARTITIONS
from tests.chaos.arena import Arena
from tests.chaos.cluster import Cluster
from tests.chaos.faults import FROZEN_S, Fault, pause
from tests.freezing import frozen

AWAY_S: Final = 12.0
"""Longer than a controller waits for a silent broker (9 s): its partitions have other leaders by then."""


def one_killed(arena: Arena, rng: Random) -> None:
    """One of three is away for a while."""
    cluster = cluster_of(arena)
    _lose(cluster, rng.choice(cluster.nodes))


def leader_killed(arena: Arena, rng: Random) -> None:
    """The one that leads a partition of the frames is away for a while."""
    _lose(cluster_of(arena), _leader(arena, rng))


def leader_frozen(arena: Arena, rng: Random) -> None:
    """The one that leads a partition of the frames stands still, and knows nothing of it afterwards."""
    cluster = cluster_of(arena)
    with frozen(cluster.process(_leader(arena, rng))):
        pause(FROZEN_S)
    cluster.wait_until_in_sync()


def cluster_of(arena: Arena) -> Cluster:
    """The servers of an arena that runs on a cluster."""
    assert isinstance(arena.on, Cluster)
    return arena.on


def _lose(cluster: Cluster, node: str) -> None:
    with cluster.away(node):
        pause(AWAY_S)
    cluster.wait_until_in_sync()


def _leader(arena: Arena, rng: Random) -> str:
    topic = arena.client._connection.topics.frames  # noqa: SLF001 (what the command line opens)
    return cluster_of(arena).leader(topic, rng.randrange(PARTITIONS))


NODE_FAULTS: Final[dict[str, Fault]] = {
    "one of three brokers killed": one_killed,
    "leader of the frames killed": leader_killed,
    "leader of the frames frozen 20 s": leader_frozen,
}
