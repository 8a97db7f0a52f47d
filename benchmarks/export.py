"""`python -m benchmarks.export [--results N]`: N small results on a topic, without inference, exported and filtered.

A broker of its own gets the answers; the export is the one in `examples/consumers`. Prints how long each part took and
the most memory that the process had.
"""

import argparse
import resource
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Final
from uuid import UUID

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
from confluent_kafka import Producer
from rich.console import Console

from adapters.clock import now_ms
from adapters.settings import Settings
from benchmarks.machine import this_machine
from examples.consumers.export import PARTS, export
from schemas.limits import MIB
from schemas.results import Answer, Timings
from schemas.tables.read import encode_rows
from sparring import Client
from sparring.stack import LocalStack

SMALL: Final = 100_000
LARGE: Final = 10_000_000
UNSURE: Final = 0.4
"""Answers in which nothing was found with so much confidence are asked for."""

_VALUES: Final = 1_000
_CONFIRMED_S_MAX: Final = 120.0


def main() -> int:
    """0: as many rows came out as answers went in."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.export", description="Results exported from their topic, and filtered."
    )
    parser.add_argument("--results", type=int, default=SMALL, metavar="N", help=f"{LARGE:,} is what we aim at")
    count = parser.parse_args().results
    console, machine = Console(), this_machine()
    console.print(f"{machine.cpu}, {machine.cores} cores, load {machine.load:.1f}", highlight=False)
    with (
        tempfile.TemporaryDirectory(prefix="sparring-bench-") as folder,
        LocalStack(Path(folder) / "stack", services=()) as stack,
    ):
        settings = Settings.read(stack.environment())
        started_s = time.monotonic()
        _produce(stack.kafka, settings.topics.results, count)
        console.print(f"on the topic: {count:,} results, {time.monotonic() - started_s:.1f} s", highlight=False)
        rows = _export(settings, Path(folder) / "dataset", console)
        _filter(Path(folder) / "dataset", console)
    console.print(f"memory: {_peak_mib():,.0f} MiB at most", highlight=False)
    return 0 if rows == count else 1


def _produce(kafka: str, topic: str, count: int) -> None:
    producer = Producer(
        {"bootstrap.servers": kafka, "compression.type": "lz4", "linger.ms": 50, "enable.idempotence": True}
    )
    for number, value in enumerate(islice(cycle(_values()), count)):
        answer = _answer(number, value)
        while True:
            try:
                producer.produce(topic, value, answer.request_id, headers=list(answer.headers()))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(_CONFIRMED_S_MAX)
    if left:
        raise RuntimeError(f"{left} results are not confirmed after {_CONFIRMED_S_MAX:g} s")


def _values() -> list[bytes]:
    """Of detectors: one to four boxes each."""
    rng = np.random.default_rng(1)
    values = []
    for _ in range(_VALUES):
        found = int(rng.integers(1, 5))
        boxes, confidences = rng.random(found * 4, np.float32) * 640, rng.random(found, np.float32)
        classes = rng.integers(0, 80, found)
        values.append(encode_rows({"boxes": [boxes], "classes": [classes], "confidences": [confidences]}))
    return values


def _answer(number: int, value: bytes) -> Answer:
    request_id = str(UUID(int=number))
    return Answer(
        key=request_id.encode(),
        value=value,
        request_id=request_id,
        status="ok",
        pipeline="default/shelf",
        frame=f"sparring.frames/{number % 4}/{number // 4}",
        frame_digest="0" * 64,
        published_at=now_ms(),
        pipeline_version="0c6f3b0e-8a52-4b0f-9f4e-4d1f4cf1a3a7",
        role="champion",
        model="yolox-nano",
        model_version="3b0e1c2d-1d01-431b-8be4-017667b71a40",
        model_sha256="0" * 64,
        timings=Timings(3_000_000, 2_000_000, 22_000_000),
    )


def _export(settings: Settings, folder: Path, console: Console) -> int:
    started_s, spent_s = time.monotonic(), time.process_time()
    with Client(settings) as client:
        rows = export(client, folder)
    wall_s, cpu_s = time.monotonic() - started_s, time.process_time() - spent_s
    stored = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / MIB
    console.print(
        f"exported: {rows:,} rows, {stored:,.0f} MiB; "
        f"{wall_s:.1f} s, {rows / wall_s:,.0f} rows/s, {cpu_s:.1f} s of CPU",
        highlight=False,
    )
    return rows


def _filter(folder: Path, console: Console) -> None:
    started_s = time.monotonic()
    kept = seen = 0
    for batch in ds.dataset(folder, partitioning=PARTS).to_batches(columns=["request_id", "out.confidences"]):
        confidences = batch["out.confidences"]
        high = pc.list_flatten(confidences).to_numpy() >= UNSURE
        sure = np.unique(pc.list_parent_indices(confidences).to_numpy()[high])
        kept += batch.num_rows - len(sure)
        seen += batch.num_rows
    wall_s = time.monotonic() - started_s
    console.print(
        f"filtered: {kept:,} of {seen:,} rows have nothing with {UNSURE} or more; {wall_s:.1f} s", highlight=False
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


if __name__ == "__main__":
    sys.exit(main())
