"""Router, host and indexer as processes of this Python, told by the environment where everything is."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sparring.stack.process import Command

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "router": ("router",),
    "host": ("workers", "host"),
    "indexer": ("workers", "indexer"),
}


def command(name: str, environment: Mapping[str, str], cwd: Path) -> Command:
    """How one service is started. It sees the caller's environment, over which `environment` wins."""
    # -P: the folder it starts in must not hide our packages.
    arguments = (sys.executable, "-P", "-m", *MODULES[name])
    return Command(name, arguments, cwd=cwd, environment={**os.environ, **environment})
