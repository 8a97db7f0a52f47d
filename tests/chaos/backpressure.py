"""A producer ten times faster than the workers: what does memory do, is anything lost, how soon is it over?

The last part of `make chaos`. The models wait instead of working, so that the machine is not the limit; what was sent
in the minute is then worked off at their own pace, which takes ten.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import pyarrow as pa
from confluent_kafka import KafkaError, Message, Producer
from rich.table import Table

from adapters.clock import now_ms
from adapters.settings import Settings
from schemas.limits import KIB, MIB, PARTITIONS
from schemas.results import Answer
from schemas.tables.read import encode_table
from schemas.topics import RECORD_BYTES_MAX
from sparring import Client, Framework, ModelVersion
from sparring.kafka.records import RecordStream
from sparring.ledger.account import LedgerReport
from sparring.stack import LocalStack
from tests.chaos.arena import settled
from tests.chaos.memory import Memory
from tests.conftest import PATIENT
from tests.small_models import slow_step
from tests.waiting import eventually

STEADY: Final = "press-steady"
SHADOW: Final = "press-shadow"
PIPELINES: Final = (STEADY, SHADOW)
STEP_S: Final = 0.1
"""Of a frame: one thread in each model process."""

TIMES_FASTER: Final = 10
FRAME_KIB: Final = 128
"""Of a frame, about a camera's picture: a model's share of the minute is three times what its process may grow by."""

QUIET_PER_S: Final = 8.0
GROWTH_MIB_MAX: Final = {"router": 384, "host": 32, "indexer": 128, "kafka": 640, "valkey": 128, "model": 240}
"""Of resident memory. Router and model process read 64 MiB ahead and fetch 33 MiB at a time; a router has as much in
its hands and queues 64 MiB to be sent in each lane, a model process holds 16 frames; the broker has a heap of 512 MiB;
Valkey keeps each answer."""

RECOVERY_TIMES_MAX: Final = 1.5
RECOVERY_SLACK_S: Final = 15.0
"""What was sent in the rush is worked off in so many times the seconds that its models wait for it, and these."""

HELD_S: Final = 1.0
STILL_S: Final = 3.0
LET_GO_S: Final = 0.01
"""Where there is no minute: models take HELD_S for each frame until all of them wait and no process has grown for
STILL_S, and then hurry."""

AFTER_SLACK_S: Final = 1.0
"""Of the median latency afterwards, above the one before: behind the rush it was minutes."""

_AFTER_TIMES_MAX: Final = 3
"""How often a quiet time is asked for: the machine's disk may be busy with what the rush wrote."""

_FLUSH_S_MAX: Final = 120
_FIRST_S_MAX: Final = 60.0
_ROUTED_S_MAX: Final = 120.0


@dataclass(frozen=True)
class Pressed:
    """What came of it. Latencies: median seconds from a frame to its answer; rushed: frames of the rush; recovered_s:
    from its end, or from when models were let go, until answers came as fast as before."""

    report: LedgerReport
    pipelines: int
    sent: int
    rushed: int
    memory: Memory
    before_s: float
    worst_s: float
    after_s: float
    recovered_s: float

    def failures(self) -> list[str]:
        """What did not hold, a sentence each."""
        counts = self.report.counts
        said = [str(finding) for finding in self.report.findings[:5]]
        said += [f"{name} grew by {mib:.0f} MiB, beyond its bound" for name, mib in self._too_large().items()]
        if not counts["frames"] == counts["answered ok"] == self.sent:
            said.append(f"{self.sent} frames sent, {counts['frames']} there, {counts['answered ok']} answered")
        recovery_s_max = RECOVERY_TIMES_MAX * STEP_S * self.rushed / self.pipelines + RECOVERY_SLACK_S
        if self.recovered_s > recovery_s_max:
            said.append(f"latency recovered after {self.recovered_s:.1f} s, expected {recovery_s_max:.1f} s at most")
        if self.after_s > self.before_s + AFTER_SLACK_S:
            said.append(f"latency p50 is {self.after_s:.3f} s, and was {self.before_s:.3f} s before the rush")
        return said

    def _too_large(self) -> dict[str, float]:
        """Who grew beyond its bound, by how many MiB."""
        return {name: mib for name, mib in self.memory.grown.items() if mib > GROWTH_MIB_MAX[name.partition(" ")[0]]}

    def __str__(self) -> str:
        return (
            f"{self.sent} frames, {self.report.counts['answered ok']} answered, "
            f"{self.report.counts['shadows shed']} of {self.report.counts['records on shadows']} challengers' tasks "
            f"shed; latency p50 {self.before_s:.3f} s before and {self.after_s:.3f} s after, at most "
            f"{self.worst_s:.1f} s; as before {self.recovered_s:.1f} s after the rush"
        )

    def table(self) -> Table:
        """The memory of each process."""
        shown = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("process", "MiB before", "MiB at most", "grown", "bound"):
            shown.add_column(title, justify="left" if title == "process" else "right", no_wrap=True)
        for name, grown in self.memory.grown.items():
            first, peak = self.memory.first.get(name, 0.0), self.memory.peak[name]
            bound = GROWTH_MIB_MAX[name.partition(" ")[0]]
            shown.add_row(name, *(f"{mib:.0f}" for mib in (first, peak, grown, bound)))
        return shown


class Press:
    """Sends frames to the pipelines in turn. Their request ids tell when."""

    def __init__(self, stack: LocalStack, topic: str, pipelines: Sequence[str], frame_kib: int) -> None:
        self._topic = topic
        self._pipelines = pipelines
        self._numbers = count()
        values = [0.5] * (frame_kib * KIB // 4)
        self._value = encode_table(pa.table({"tensor": [values]}, schema=_schema("tensor")))
        self._producer = Producer(
            {
                "bootstrap.servers": stack.kafka,
                "linger.ms": 5,
                "log_level": 0,
                "enable.idempotence": True,
                "message.max.bytes": RECORD_BYTES_MAX,
                "queue.buffering.max.kbytes": 64 * MIB // KIB,
            }
        )
        self._refused: list[str] = []
        self.sent = 0
        """Frames that Kafka confirmed."""

    @property
    def tasks(self) -> int:
        """How many these frames make: a shadow deploy's make two."""
        return self.sent * (len(self._pipelines) + 1) // len(self._pipelines)

    def send(self, phase: str, per_second: float, frames: int) -> None:
        """So many at this pace, or as fast as Kafka takes them; returns when it has confirmed each."""
        began_s = time.monotonic()
        for one in range(frames):
            while (early_s := began_s + one / per_second - time.monotonic()) > 0:
                self._producer.poll(early_s)
            headers: list[tuple[str, str | bytes | None]] = [
                ("pipeline", self._pipelines[one % len(self._pipelines)]),
                ("request-id", f"{phase}-{now_ms()}-{next(self._numbers)}"),
                ("content-type", "application/vnd.apache.arrow.stream"),
            ]
            self._produce(f"camera-{one % 16}", headers)
        left = self._producer.flush(_FLUSH_S_MAX)
        assert not left, f"{left} frames are not confirmed"
        assert not self._refused, self._refused[:3]

    def _produce(self, camera: str, headers: list[tuple[str, str | bytes | None]]) -> None:
        deadline_s = time.monotonic() + _FLUSH_S_MAX
        while True:
            try:
                self._producer.produce(self._topic, self._value, camera, headers=headers, on_delivery=self._delivered)
            except BufferError:
                assert time.monotonic() < deadline_s, "Kafka takes no more frames"
                self._producer.poll(0.05)
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.sent += 1
        else:
            self._refused.append(error.str())


def press(
    folder: Path,
    seconds: float,
    *,
    quiet_s: float = 4.0,
    frame_kib: int = FRAME_KIB,
    held: bool = False,
    on: LocalStack | None = None,
) -> Pressed:
    """A quiet time, a rush of so many seconds, the time until all is answered, a quiet time again.

    held: the shadow deploy alone, whose models hardly work during the rush, and hurry afterwards. on: whose servers are
    used; None: some of its own.
    """
    pipelines = (SHADOW,) if held else PIPELINES
    pace = folder / "pace"
    _take(pace, STEP_S)
    with _slow_stack(folder, pace, pipelines, on) as (stack, client):
        connection = client._connection  # noqa: SLF001 (what the command line opens)
        sender = Press(stack, connection.topics.frames, pipelines, frame_kib)
        since = now_ms()
        # The first frames of all find clients that still look for their topics.
        sender.send("first", QUIET_PER_S, 2)
        eventually(lambda: _answers(client) >= sender.tasks, _FIRST_S_MAX, "the first answers")
        quiet = round(QUIET_PER_S * quiet_s)
        sender.send("before", QUIET_PER_S, quiet)
        per_second = TIMES_FASTER * len(pipelines) / STEP_S
        rushed = round(per_second * seconds)
        with Memory(stack) as memory:
            if held:
                _take(pace, HELD_S)
            sender.send("rush", per_second, rushed)
            ended = now_ms()
            if held:
                eventually(lambda: _routed(client) >= sender.tasks, _ROUTED_S_MAX, "every frame to be routed")
                eventually(lambda: memory.still_s > STILL_S, _ROUTED_S_MAX, "every process to have read what it may")
                _take(pace, LET_GO_S)
                ended = now_ms()
            within_s = 2 * STEP_S * rushed / len(pipelines) + _FIRST_S_MAX
            eventually(lambda: _answers(client) >= sender.tasks, within_s, "an answer of each model")
        _take(pace, STEP_S)
        for again in range(_AFTER_TIMES_MAX):
            sender.send(f"after_{again}", QUIET_PER_S, quiet)
            eventually(lambda: _answers(client) >= sender.tasks, within_s, "an answer of each model")
            latencies = _latencies(client, since)
            before_s, worst_s, after_s = (latencies[phase] for phase in ("before", "rush", f"after_{again}"))
            if _median(after_s) <= _median(before_s) + AFTER_SLACK_S:
                break
        report = settled(connection, since)
    usual_s = max(before for _, before in before_s)
    late = [published for published, latency_s in worst_s if latency_s > usual_s]
    return Pressed(
        report,
        len(pipelines),
        sender.sent,
        rushed,
        memory,
        before_s=_median(before_s),
        worst_s=max(latency_s for _, latency_s in worst_s),
        after_s=_median(after_s),
        recovered_s=(max(late, default=ended) - ended) / 1000,
    )


def _median(latencies: list[tuple[int, float]]) -> float:
    return statistics.median(latency_s for _, latency_s in latencies)


@contextmanager
def _slow_stack(
    folder: Path, pace: Path, pipelines: Sequence[str], on: LocalStack | None
) -> Iterator[tuple[LocalStack, Client]]:
    step = folder / "slow.py"
    step.write_text(slow_step(pace))
    one_thread = {"SPARRING_INFERENCE_THREADS": "1", **PATIENT}
    with (
        LocalStack(folder / "stack", namespace="press", on=on, allow_python=True, environment=one_thread) as stack,
        Client(Settings.read(stack.environment())) as client,
    ):

        def model(name: str) -> ModelVersion:
            return client.upload_model(name, step, Framework.PYTHON, _schema("tensor"), _schema("y"))

        if STEADY in pipelines:
            client.build_pipeline(STEADY).add_model_step(model("steady")).deploy()
        if SHADOW in pipelines:
            client.build_pipeline(SHADOW).add_shadow_deploy(model("champion"), [model("challenger")]).deploy()
        yield stack, client


def _schema(name: str) -> pa.Schema:
    return pa.schema([pa.field(name, pa.list_(pa.float32()))])


def _take(pace: Path, seconds: float) -> None:
    """So long for each frame from now on."""
    written = pace.with_suffix(".new")
    written.write_text(f"{seconds}")
    written.replace(pace)


def _answers(client: Client) -> int:
    """All there are: the stack is new. One question for each partition; the ledger reads every frame again."""
    topics = client._connection.topics  # noqa: SLF001 (as above)
    return _records(client, topics.results) + _records(client, topics.shadows)


def _routed(client: Client) -> int:
    """Tasks that the router is done with: they wait for their model, or are recorded as shed."""
    connection = client._connection  # noqa: SLF001 (as above)
    lanes = {lane for version in connection.catalog().wanted(now_ms()) for lane in version.lanes()}
    waiting = sum(_records(client, connection.topics.work(*lane)) for lane in lanes)
    return waiting + _records(client, connection.topics.shadows)


def _records(client: Client, topic: str) -> int:
    broker = client._connection.broker  # noqa: SLF001 (as above)
    return sum(broker.end(topic, number) for number in range(PARTITIONS))


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
