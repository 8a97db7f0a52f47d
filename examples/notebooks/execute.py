"""Executes a notebook against a running system: for `python -m examples.notebooks`, and for its test."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
NOTEBOOKS = tuple(sorted(FOLDER.glob("*.ipynb")))
_CELL_S_MAX = 300
_NBFORMAT: Any = nbformat  # its functions are not annotated


def load(path: Path) -> Any:
    """The notebook in this file."""
    return _NBFORMAT.read(path, as_version=4)


def save(notebook: Any, path: Path) -> None:
    """Write it, outputs and all."""
    _NBFORMAT.write(notebook, path)


def execute(path: Path, environment: Mapping[str, str]) -> Any:
    """The notebook with fresh outputs. environment: where the system is.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; it says which, and how.
    """
    notebook = load(path)
    client = NotebookClient(
        notebook,
        timeout=_CELL_S_MAX,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER.parents[1])}},
        record_timing=False,
    )
    client.execute(env={**os.environ, **environment})
    return notebook
