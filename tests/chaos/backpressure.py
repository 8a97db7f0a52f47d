"""A producer ten times faster than the workers: what does memory do, is anything lost, how soon is it over?

`python -m tests.chaos.backpressure --seconds 60`. The models wait instead of working, so that the machine is not the
limit; what was sent in the minute is then worked off at their own pace, which takes ten.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import pyarrow as pa
from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from adapters.clock import now_ms
from adapters.settings import Settings
from schemas.limits import PARTITIONS
from schemas.results import Answer
from schemas.tables import encode_table
from sparring import Client, Framework
from sparring.ledger.account import Report
from sparring.ledger.reading import verify
from sparring.records import RecordStream
from sparring.stack import LocalStack
from tests.chaos.memory import Memory
from tests.conftest import PATIENT
from tests.small_models import SLOW_STEP
from tests.waiting import eventually

STEADY: Final = "press-steady"
SHADOW: Final = "press-shadow"
PIPELINES: Final = (STEADY, SHADOW)
STEP_S: Final = 0.1
WORKED_OFF_PER_S: Final = len(PIPELINES) / STEP_S
"""Frames of both pipelines together: one thread each, STEP_S a frame."""

TIMES_FASTER: Final = 10
FRAME_VALUES: Final = 8_000
"""float32: a frame of 32 KB."""

QUIET_PER_S: Final = 8.0
GROWTH_MIB_MAX: Final = {"router": 256, "host": 32, "indexer": 128, "kafka": 640, "valkey": 128, "model": 256}
"""Of resident memory. Router and model process read 64 MiB ahead, fetch 33 MiB at a time and queue 64 MiB to be sent;
the broker has a heap of 512 MiB; Valkey keeps each answer."""


@dataclass(frozen=True)
class Pressed:
    """What came of it. Latencies: median seconds from a frame to its answer; recovered_s: from the end of the rush
    until answers came as fast as before."""

    report: Report
    sent: int
    memory: Memory
    before_s: float
    worst_s: float
    after_s: float
    recovered_s: float

    def too_large(self) -> dict[str, float]:
        """Who grew beyond its bound, by how many MiB."""
        return {name: mib for name, mib in self.memory.grown.items() if mib > GROWTH_MIB_MAX[name.partition(" ")[0]]}


class Press:
    """Sends frames to both pipelines in turn. Their request ids tell when."""

    def __init__(self, stack: LocalStack, topic: str) -> None:
        self._topic = topic
        self._numbers = count()
        self._value = encode_table(pa.table({"tensor": [[0.5] * FRAME_VALUES]}, schema=_schema("tensor")))
        self._producer = Producer(
            {"bootstrap.servers": stack.kafka, "linger.ms": 5, "log_level": 0, "enable.idempotence": True}
        )
        self.sent = 0

    def send(self, phase: str, per_second: float, seconds: float) -> None:
        """At this pace for so long; returns when Kafka has all of it."""
        began_s = time.monotonic()
        for one in range(round(per_second * seconds)):
            while (early_s := began_s + one / per_second - time.monotonic()) > 0:
                self._producer.poll(early_s)
            headers: list[tuple[str, str | bytes | None]] = [
                ("pipeline", PIPELINES[one % 2]),
                ("request-id", f"{phase}-{now_ms()}-{next(self._numbers)}"),
                ("content-type", "application/vnd.apache.arrow.stream"),
            ]
            self._producer.produce(self._topic, self._value, f"camera-{one % 16}", headers=headers)
            self.sent += 1
        assert self._producer.flush(120) == 0


FIRST_S_MAX: Final = 60.0


def press(folder: Path, seconds: float, quiet_s: float = 4.0, on: LocalStack | None = None) -> Pressed:
    """A quiet time, a rush of so many seconds, the time until all is answered, a quiet time again. on: whose servers
    are used; None: some of its own."""
    with _slow_stack(folder, on) as (stack, client):
        connection = client._connection  # noqa: SLF001 (what the command line opens)
        sender = Press(stack, connection.topics.frames)
        since = now_ms()
        # The first frames of all find clients that still look for their topics.
        sender.send("first", QUIET_PER_S, 2 / QUIET_PER_S)
        eventually(lambda: _answers(client) >= sender.sent * 3 // 2, FIRST_S_MAX, "the first answers")
        sender.send("before", QUIET_PER_S, quiet_s)
        with Memory(stack) as memory:
            sender.send("rush", TIMES_FASTER * WORKED_OFF_PER_S, seconds)
            ended = now_ms()
            within_s = 2 * TIMES_FASTER * seconds + 60
            eventually(lambda: _answers(client) >= sender.sent * 3 // 2, within_s, "an answer of each model")
        sender.send("after", QUIET_PER_S, quiet_s)
        report = eventually(lambda: _in_order(client, since), 120, "the last frames to be accounted for")
        latencies = _latencies(client, since)
    before_s, worst_s, after_s = (latencies[phase] for phase in ("before", "rush", "after"))
    usual_s = max(before for _, before in before_s)
    late = [published for published, latency_s in worst_s if latency_s > usual_s]
    return Pressed(
        report,
        sender.sent,
        memory,
        before_s=statistics.median(latency_s for _, latency_s in before_s),
        worst_s=max(latency_s for _, latency_s in worst_s),
        after_s=statistics.median(latency_s for _, latency_s in after_s),
        recovered_s=(max(late, default=ended) - ended) / 1000,
    )


@contextmanager
def _slow_stack(folder: Path, on: LocalStack | None) -> Iterator[tuple[LocalStack, Client]]:
    step = folder / "slow.py"
    step.write_text(SLOW_STEP)
    one_thread = {"SPARRING_INFERENCE_THREADS": "1", **PATIENT}
    with (
        LocalStack(folder / "stack", namespace="press", on=on, allow_python=True, environment=one_thread) as stack,
        Client(Settings.read(stack.environment())) as client,
    ):
        models = [
            client.upload_model(f"slow-{number}", step, Framework.PYTHON, _schema("tensor"), _schema("y"))
            for number in range(3)
        ]
        client.build_pipeline(STEADY).add_model_step(models[0]).deploy()
        client.build_pipeline(SHADOW).add_shadow_deploy(models[1], [models[2]]).deploy()
        yield stack, client


def _schema(name: str) -> pa.Schema:
    return pa.schema([pa.field(name, pa.list_(pa.float32()))])


def _answers(client: Client) -> int:
    """All there are: the stack is new. One question for each partition; the ledger reads every frame again."""
    broker, topics = client._connection.broker, client._connection.topics  # noqa: SLF001 (as above)
    return sum(broker.end(topic, number) for topic in (topics.results, topics.shadows) for number in range(PARTITIONS))


def _in_order(client: Client, since: int) -> Report | None:
    report = verify(client._connection, since, now_ms())  # noqa: SLF001 (as above)
    return report if report.in_order else None


def _latencies(client: Client, since: int) -> dict[str, list[tuple[int, float]]]:
    """By phase: when each official answer was published, and how many seconds after its frame."""
    connection = client._connection  # noqa: SLF001 (as above)
    found: dict[str, list[tuple[int, float]]] = {}
    with RecordStream(connection.broker, connection.topics.results, since) as records:
        for record in records:
            answer = Answer.from_record(record.key, record.value, list(record.headers))
            phase, sent_at, _number = answer.request_id.split("-")
            found.setdefault(phase, []).append((answer.published_at, (answer.published_at - int(sent_at)) / 1000))
    return found


def main() -> int:
    """Exit code 1 where a bound was not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.backpressure", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the rush; default 60")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="sparring-press-") as folder:
        done = press(Path(folder), seconds)
    console = Console()
    console.print(_table(done))
    console.print(
        f"{done.sent} frames, {done.report.counts['shadows shed']} of {done.report.counts['records on shadows']} "
        f"challengers' tasks shed; latency p50 {done.before_s:.3f} s before and {done.after_s:.3f} s after, at most "
        f"{done.worst_s:.1f} s; as before {done.recovered_s:.1f} s after the rush of {seconds:g} s"
    )
    return 1 if done.too_large() else 0


def _table(done: Pressed) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("process", "MiB before", "MiB at most", "grown", "bound"):
        shown.add_column(title, justify="left" if title == "process" else "right", no_wrap=True)
    for name, grown in done.memory.grown.items():
        first, peak = done.memory.first.get(name, 0.0), done.memory.peak[name]
        shown.add_row(name, *(f"{mib:.0f}" for mib in (first, peak, grown, GROWTH_MIB_MAX[name.partition(" ")[0]])))
    return shown


if __name__ == "__main__":
    sys.exit(main())
