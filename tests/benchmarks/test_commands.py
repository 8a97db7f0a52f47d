"""Each benchmark as it is typed, with little to do: it comes to its end and has measured something."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY


def printed(module: str, *arguments: str) -> str:
    """What it prints to standard output; fails with everything where it does not end well."""
    command = (sys.executable, "-m", module, *arguments)
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_the_whole_system_is_measured_beside_a_plain_loop_and_a_bare_queue(tmp_path: Path) -> None:
    said = printed("benchmarks", "--short", "--rounds", "1", "--frames", "12", "--json", str(tmp_path / "all.json"))
    assert "aim: 0.9 of the bare loop's frames per second: " in said
    measured = json.loads((tmp_path / "all.json").read_bytes())
    assert [one["way"] for one in measured["passes"]] == ["plain", "bare", "whole"]
    assert all(one["seconds"] > 0 for one in measured["passes"])
    assert {way: len(latencies) for way, latencies in measured["spaced"].items()} == {"bare": 25, "whole": 25}


def test_simulated_results_are_exported_from_their_topic_and_filtered() -> None:
    assert "exported: 3,000 rows, " in printed("benchmarks.export", "--results", "3000")


def test_two_simulated_datasets_are_compared() -> None:
    assert "compared: " in printed("benchmarks.compare", "--results", "3000")
