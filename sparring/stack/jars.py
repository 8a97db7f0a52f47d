"""Kafka's jars: resolved by their Maven coordinates once, then found in the cache folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sparring.stack.errors import StackError

KAFKA_VERSION: Final = "4.4.0"
SLF4J_VERSION: Final = "1.7.36"
"""The slf4j that this Kafka is built against; its `simple` backend writes the broker's log to stderr."""

_COORDINATES: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:{SLF4J_VERSION}"


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/sparring`, else `~/.cache/sparring`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "sparring"


def classpath(report: Callable[[str], None]) -> str:
    """The java class path of Kafka's jars; `report` is told when they must be downloaded first (50 MB).

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
