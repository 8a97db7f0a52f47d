"""Which faults happen where: each ground is opened once, and its faults are played on it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.arena import Arena, arena
from tests.chaos.cluster import Cluster
from tests.chaos.denied import RULES
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.full import small_disk
from tests.chaos.nodes import NODE_FAULTS
from tests.chaos.rules import RULE_FAULTS


@dataclass(frozen=True)
class Ground:
    """open: into an empty folder. faults: by name."""

    open: Callable[[Path], AbstractContextManager[Arena]]
    faults: Mapping[str, Fault]


@contextmanager
def one_broker(folder: Path) -> Iterator[Arena]:
    """With a model store that can be filled."""
    with small_disk(folder / "store") as store, arena(folder, store=store) as running:
        yield running


@contextmanager
def three_brokers(folder: Path) -> Iterator[Arena]:
    """Each record on all of them, confirmed by two."""
    with Cluster(folder / "cluster") as cluster, arena(folder, on=cluster) as running:
        cluster.wait_until_in_sync()
        yield running


@contextmanager
def broker_with_rules(folder: Path) -> Iterator[Arena]:
    """One broker, which asks its rules."""
    with Cluster(folder / "cluster", nodes=1, changes=RULES) as cluster, arena(folder, on=cluster) as running:
        yield running


GROUNDS: Final = (
    Ground(one_broker, FAULTS),
    Ground(three_brokers, NODE_FAULTS),
    Ground(broker_with_rules, RULE_FAULTS),
)
NAMES: Final = tuple(name for ground in GROUNDS for name in ground.faults)
