"""examples/consumers runs: a Kafka client alone, a Faust agent, an export, and three libraries that read it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.consumers.dataset import LIBRARIES
from examples.consumers.export import export
from schemas.results import Timings
from schemas.tables.read import encode_rows
from sparring import Client
from sparring.stack import LocalStack
from tests.sparring.results.test_answers import NOW, Writer, answer_of, writer
from tests.waiting import eventually

__all__ = ["writer"]  # a fixture

CONSUMERS = Path(__file__).parents[2] / "examples/consumers"
PROGRAMS = ("kafka_alone", "faust_agent", "dataset")


@pytest.fixture
def asked(writer: Writer) -> Writer:
    """Two models' results, one failure, one challenger's answer that has another output."""
    for number, (model, confidences) in enumerate(
        [("yolox", [[0.5, 0.7]]), ("nanodet", [[0.25]]), ("yolox", [[0.8], [1.0], []])]
    ):
        value = encode_rows({"confidences": [np.array(row, np.float32) for row in confidences]})
        timings = Timings(infer_ns=(number + 1) * 10**6)
        writer.write(f"r{number}", NOW + number, published_at=NOW + number, value=value, model=model, timings=timings)
    failure = b'{"error": "BadArrow", "message": "m", "stage": "decode"}'
    writer.write("r3", NOW + 3, published_at=NOW + 3, status="error", value=failure)
    other = answer_of("r0", published_at=NOW, role="challenger", model="rival")
    writer.raw(writer.topics.shadows, other.value, other.headers(), NOW)
    return writer


def test_a_kafka_client_alone_reads_results_and_goes_on_where_it_committed(broker: LocalStack, asked: Writer) -> None:
    def read(count: int) -> list[dict[str, Any]]:
        command = [sys.executable, str(CONSUMERS / "kafka_alone.py"), broker.kafka, "--group", asked.topics.namespace]
        command += ["--namespace", asked.topics.namespace, "--count", str(count)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]

    first, second = read(1), read(3)
    assert [one["request-id"] for one in (*first, *second)] == ["r0", "r1", "r2", "r3"]
    assert first[0]["outputs"] == {"confidences": [[0.5, pytest.approx(0.7)]]}
    assert (second[2]["status"], second[2]["error"]) == ("error", "BadArrow")


@pytest.fixture
def agent(broker: LocalStack, asked: Writer, tmp_path: Path) -> Iterator[Path]:
    """A Faust worker; what it writes."""
    names = {"KAFKA": broker.kafka, "NAMESPACE": asked.topics.namespace, "GROUP": f"{asked.topics.namespace}-faust"}
    command = [sys.executable, str(CONSUMERS / "faust_agent.py"), "worker", "--loglevel", "warn"]
    environment = {**os.environ, **names, "FAUST_DATADIR": str(tmp_path / "faust")}
    written = tmp_path / "written"
    with written.open("wb") as out:
        worker = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=tmp_path)
        try:
            yield written
        finally:
            worker.terminate()
            try:
                worker.wait(60)
            finally:
                worker.kill()


def test_a_faust_agent_counts_results_by_model_and_status(agent: Path) -> None:
    def counts() -> dict[str, int] | None:
        lines = re.findall(r'\{"request-id".*\}', agent.read_text())
        return {one["kind"]: one["count"] for one in map(json.loads, lines)} if len(lines) >= 4 else None

    assert eventually(counts, 60, f"four results in {agent}") == {"yolox ok": 2, "nanodet ok": 1, "yolox error": 1}


def test_an_export_is_a_dataset_that_pandas_polars_and_duckdb_read_alike(asked: Writer, tmp_path: Path) -> None:
    with Client(asked.settings) as client:
        assert export(client, tmp_path / "results") == 7
        with pytest.raises(FileExistsError, match="is not empty; expected a new folder"):
            export(client, tmp_path / "results")
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet"))
    assert {path.split("/")[2] for path in files} == {"model=nanodet", "model=rival", "model=yolox"}
    assert all(path.startswith("results/date=20") for path in files)
    answers = {name: ask(tmp_path / "results", "confidences") for name, ask in LIBRARIES.items()}
    expected = {"yolox": (4, pytest.approx(0.8), pytest.approx(2.5)), "nanodet": (1, 0.25, 2.0)}
    assert answers == dict.fromkeys(LIBRARIES, expected)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_of_ours_is_imported_by_what_other_teams_run(name: str) -> None:
    lines = (CONSUMERS / f"{name}.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert not imported & {"sparring", "schemas", "adapters", "examples", "tests"}
