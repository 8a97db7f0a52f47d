"""What it was measured on: without it, no number means anything."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Final

import msgspec

from sparring.stack.kafka import KAFKA_VERSION

_SHOWN: Final = ("confluent-kafka", "faust-streaming", "numpy", "onnxruntime", "opencv-python-headless", "pyarrow")


class Machine(msgspec.Struct, frozen=True):
    """cores: those that this process may use. load: runnable processes in the last minute, at the start."""

    cpu: str
    cores: int
    load: float
    system: str
    versions: dict[str, str]


def this_machine() -> Machine:
    """This one, now."""
    versions = {"python": platform.python_version(), "kafka": KAFKA_VERSION}
    versions |= {name: importlib.metadata.version(name) for name in _SHOWN}
    return Machine(_cpu(), len(os.sched_getaffinity(0)), os.getloadavg()[0], platform.platform(), versions)


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
