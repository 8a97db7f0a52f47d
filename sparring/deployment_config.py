"""The tutorial's deployment configuration: replicas and resources that a notebook requests.

Here hosts decide where models run, and one process serves all pipelines that use a model version: such
wishes are set where hosts are started (docs/deploy.md). `deploy` says so in a warning, and goes on.
"""

import math
import re
import warnings
from dataclasses import dataclass, replace
from typing import Final

from sparring.checks import checked_count, checked_number

_MEMORY: Final = re.compile(r"[0-9]+(\.[0-9]+)?([kMGTPE]|[KMGTPE]i)?")


@dataclass(frozen=True)
class DeploymentConfig:
    """The requested replicas and resources; None: not set."""

    replicas: int | None = None
    cpu_cores: float | None = None
    memory_size: str | None = None

    def __str__(self) -> str:
        wishes = {"replica_count": self.replicas, "cpus": self.cpu_cores, "memory": self.memory_size}
        return ", ".join(f"{name} {value}" for name, value in wishes.items() if value is not None) or "empty"


class DeploymentConfigBuilder:
    """`DeploymentConfigBuilder().replica_count(1).cpus(1).memory("2Gi").build()`."""

    def __init__(self) -> None:
        self._config = DeploymentConfig()

    def replica_count(self, count: int) -> "DeploymentConfigBuilder":
        """Processes for each model: `count` of them, at least 1."""
        self._config = replace(self._config, replicas=checked_count("count", count, 1))
        return self

    def cpus(self, core_count: float) -> "DeploymentConfigBuilder":
        """Cores for each process: `core_count`, above 0; fractions are allowed."""
        cores = checked_number("core_count", core_count)
        if not 0 < cores < math.inf:
            raise ValueError(f"core_count: {cores}; expected a number above 0")
        self._config = replace(self._config, cpu_cores=cores)
        return self

    def memory(self, memory_spec: str) -> "DeploymentConfigBuilder":
        """Memory for each process: `memory_spec`, as Kubernetes writes it, such as `2Gi`."""
        if not isinstance(memory_spec, str):
            raise TypeError(f"memory_spec: {memory_spec!r}; expected text as '2Gi'")
        if _MEMORY.fullmatch(memory_spec) is None:
            raise ValueError(f"memory_spec: {memory_spec!r}; expected bytes as Kubernetes writes them, such as '2Gi'")
        self._config = replace(self._config, memory_size=memory_spec)
        return self

    def build(self) -> DeploymentConfig:
        """What `deploy(deployment_config=...)` takes."""
        return self._config


def warn_of(config: object) -> None:
    """Warn that nothing of the configuration is applied; TypeError if it is not a DeploymentConfig."""
    if config is None:
        return
    if not isinstance(config, DeploymentConfig):
        raise TypeError(
            f"deployment_config: {type(config).__name__}; expected what DeploymentConfigBuilder().build() returns"
        )
    warnings.warn(
        f"deployment_config ({config}) is not applied: hosts decide how many processes run and what they may use; "
        "docs/deploy.md says how",
        stacklevel=3,
    )
