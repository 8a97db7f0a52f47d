"""A platform engineer watches the system: what each process counts, and whether it is ready."""

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from schemas.metrics import METRICS, Metric
from schemas.presence import Beat, ProcessKind
from sparring import Client, ModelVersion, Pipeline
from sparring.stack import LocalStack
from tests.journeys.wire import Wire
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]


@pytest.fixture
def scale(own_scale: Scale) -> Scale:
    """Tests of this file look at processes: none of another test may be there."""
    return own_scale


def page(beat: Beat, path: str) -> tuple[int, str]:
    request = urllib.request.Request(  # a service on loopback
        f"http://127.0.0.1:{beat.metrics_port}{path}", headers={"Accept": "application/openmetrics-text"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def beat_of(client: Client, kind: ProcessKind, model: str = "") -> Beat:
    """Of the one process of its kind; whoever is busy may miss a beat."""
    follower = client._connection.follower  # noqa: SLF001  # presence, as `sparring status` reads it

    def alone() -> Beat | None:
        found = [one for one in follower.alive() if one.kind == kind and (one.model or "").startswith(model)]
        return found[0] if len(found) == 1 else None

    return eventually(alone, 60, f"a beat of the {kind} {model}")


def samples(beat: Beat) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families: Any = text_string_to_metric_families(page(beat, "/metrics")[1])  # type: ignore[no-untyped-call]
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def counted(beat: Beat, name: str, **labels: str) -> float:
    """A counter, or 0 where it has not been counted yet."""
    return samples(beat).get((name, frozenset(labels.items())), 0.0)


@pytest.fixture
def watched(pipeline: Pipeline, scale: Scale) -> ModelVersion:
    model = scale("watched", 2.0)
    pipeline.add_model_step(model).deploy()
    return model


@pytest.mark.parametrize("kind", ["router", "host", "inference", "indexer"])
def test_every_process_is_ready_and_shows_the_metrics_of_the_table(
    kind: ProcessKind, client: Client, watched: ModelVersion
) -> None:
    beat = beat_of(client, kind, str(watched.key()) if kind == "inference" else "")
    eventually(lambda: page(beat, "/ready")[0] == 200, 60, f"the {kind} to be ready")
    assert page(beat, "/live")[0] == 200
    families: Any = text_string_to_metric_families(page(beat, "/metrics")[1])  # type: ignore[no-untyped-call]
    shown = {family.name for family in families if family.name.startswith("sparring_")}
    assert shown == {_family(metric) for metric in METRICS if kind in metric.of}


def _family(metric: Metric) -> str:
    return metric.name.removesuffix("_total")


def test_a_frame_is_counted_at_every_hop(client: Client, wire: Wire, pipeline: Pipeline, watched: ModelVersion) -> None:
    model, name = str(watched.key()), f"default/{pipeline.name()}"
    router, worker, indexer = (
        beat_of(client, "router"),
        beat_of(client, "inference", model),
        beat_of(client, "indexer"),
    )
    before = counted(indexer, "sparring_indexed_total", lane="official")
    requests = [wire.send(pipeline.name(), b'[{"tensor": [1, 2]}]') for _ in range(5)]
    broken = wire.send(pipeline.name(), b'[{"wrong": [1, 2]}]')
    wire.answers([*requests, broken])

    labels = {"model": model, "lane": "official"}
    assert counted(router, "sparring_tasks_total", pipeline=name, **labels) == 6
    assert counted(worker, "sparring_answers_total", pipeline=name, status="ok", **labels) == 5
    assert counted(worker, "sparring_answers_total", pipeline=name, status="error", **labels) == 1
    assert counted(worker, "sparring_refused_total", error="MissingField") == 1
    assert counted(worker, "sparring_infer_seconds_count", **labels) == 5
    assert counted(worker, "sparring_queued_seconds_count", **labels) == 6

    def indexed() -> bool:
        return counted(indexer, "sparring_indexed_total", lane="official") >= before + 6

    eventually(indexed, 60, "the indexer to count six answers")


def test_an_unknown_pipeline_is_counted_as_refused(client: Client, wire: Wire) -> None:
    router = beat_of(client, "router")
    before = counted(router, "sparring_refused_total", error="UnknownPipeline")
    wire.deadletter(wire.send("nobody", b"[]"))  # the last of what a refusal does
    assert counted(router, "sparring_refused_total", error="UnknownPipeline") == before + 1


def test_a_host_names_its_model_processes_to_prometheus(client: Client, watched: ModelVersion) -> None:
    model = str(watched.key())
    host, worker = beat_of(client, "host"), beat_of(client, "inference", model)
    target = {"targets": [f"127.0.0.1:{worker.metrics_port}"], "labels": {"model": model, "lane": "official"}}
    eventually(lambda: target in json.loads(page(host, "/targets")[1]), 60, "the host to have seen its beat")


def test_a_host_is_not_ready_while_a_model_process_is_gone(
    stack: LocalStack, client: Client, watched: ModelVersion
) -> None:
    assert stack.process("host")
    model = str(watched.key())
    host, worker = beat_of(client, "host"), beat_of(client, "inference", model)
    eventually(lambda: page(host, "/ready")[0] == 200, 60, "the host to be ready")
    os.kill(worker.pid, signal.SIGKILL)
    waits_for = f"{model} (official lane) to be warm for"
    eventually(lambda: waits_for in page(host, "/ready")[1], 60, "the host to notice")
    assert counted(host, "sparring_model_process_ends_total", model=model, lane="official") == 1
    eventually(lambda: page(host, "/ready")[0] == 200, 60, "the host to have started it again")
