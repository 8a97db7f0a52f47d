"""The notebook runs from its first cell to its last, and what it shows is what its text says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from examples.notebooks.execute import NOTEBOOKS, execute, load
from sparring.stack import LocalStack

STORED_BYTES_MAX = 700_000
(PATH,) = NOTEBOOKS


def outputs(notebook: Any) -> Iterator[tuple[str, Any]]:
    """Each output of a cell with the cell's source."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield cell.source, output


def shown(notebook: Any, begins: str) -> str:
    """The last text that the cell shows whose source holds this."""
    texts = [one for source, one in outputs(notebook) if begins in source]
    last = texts[-1]
    return str(last.get("text") or last["data"]["text/plain"])


def test_the_notebook_runs_and_shows_what_it_says(stack: LocalStack) -> None:
    notebook = execute(PATH, stack.environment())
    counted = ast.literal_eval(shown(notebook, "range(1000)").removeprefix("Counter(").removesuffix(")"))
    assert sum(counted.values()) == 1000
    # Binomial(1000, 2/3) has a standard deviation of 14.9: this is five of them.
    assert counted["pp-ocrv4-det"] == pytest.approx(667, abs=75)
    cameras = [line.split() for line in shown(notebook, "hash_key").splitlines() if line.startswith("door-")]
    assert len(cameras) == 8
    assert all(sorted(row[1:]) == ["0", "5"] for row in cameras)
    recall = {row[0]: float(row[2]) for row in _rows(shown(notebook, "recall ="))}
    assert recall["challenger"] > recall["champion"] > 0.5
    assert re.search(r"steps +pp-ocrv6-det$", shown(notebook, "before ="))
    assert shown(notebook, "rollback").startswith("{'ShadowDeploy'")
    assert shown(notebook, "undeploy()").strip() == "Stopped"


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines() if line.startswith(("champion", "challenger"))]


def test_it_is_stored_with_outputs_that_hold_no_error_and_no_path_of_a_machine() -> None:
    notebook = load(PATH)
    nbformat.validate(notebook)
    kinds = [output.output_type for _, output in outputs(notebook)]
    assert len(kinds) > 15
    assert set(kinds) <= {"execute_result", "display_data", "stream"}
    assert not [output.text for _, output in outputs(notebook) if output.get("name") == "stderr"]
    text = Path(PATH).read_text()
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)
    assert len(text) < STORED_BYTES_MAX
