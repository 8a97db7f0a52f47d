"""The tutorial's deployment configuration: replicas and resources as a notebook wishes for them.

Here hosts decide where models run, and one process serves all pipelines that use a model version: such
wishes are set where hosts are started (docs/deploy.md). `deploy` says so in a warning, and goes on.
"""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class DeploymentConfig:
    """What was wished for. None: nothing was said."""

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
        """Processes for each model, at least 1."""
        if isinstance(count, bool) or not isinstance(count, int):
            raise TypeError(f"count: {count!r}; expected a whole number")
        if count < 1:
            raise ValueError(f"count: {count}; expected at least 1")
        self._config = replace(self._config, replicas=count)
        return self

    def cpus(self, core_count: float) -> "DeploymentConfigBuilder":
        """Cores for each process, above 0; fractions are allowed."""
        if isinstance(core_count, bool) or not isinstance(core_count, int | float):
            raise TypeError(f"core_count: {core_count!r}; expected a number of cores")
        if not math.isfinite(core_count) or core_count <= 0:
            raise ValueError(f"core_count: {core_count}; expected a number above 0")
        self._config = replace(self._config, cpu_cores=core_count)
        return self

    def memory(self, memory_spec: str) -> "DeploymentConfigBuilder":
        """Memory for each process, as Kubernetes writes it: `2Gi`."""
        if not isinstance(memory_spec, str) or not memory_spec:
            raise TypeError(f"memory_spec: {memory_spec!r}; expected text as '2Gi'")
        self._config = replace(self._config, memory_size=memory_spec)
        return self

    def build(self) -> DeploymentConfig:
        """What `deploy(deployment_config=...)` takes."""
        return self._config
