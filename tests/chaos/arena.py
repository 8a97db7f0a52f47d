"""Where faults happen: a whole stack of its own, four pipelines under load, and the ledger afterwards."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

import psutil
import pyarrow as pa
from confluent_kafka import KafkaError, Message, Producer

from adapters.clock import now_ms
from adapters.settings import Settings
from schemas.errors import RetryLater
from schemas.names import Lane
from schemas.results import Answer
from sparring import Client, Framework, ModelVersion, Pipeline
from sparring.kafka.records import RecordStream
from sparring.ledger.account import LedgerReport
from sparring.ledger.read import verify
from sparring.stack import LocalStack
from sparring.system.connection import Connection
from tests.small_models import MISCHIEF_STEP, scaling_model
from tests.waiting import eventually

SPLIT: Final = "chaos-split"
SHADOW: Final = "chaos-shadow"
MISCHIEF: Final = "chaos-mischief"
AGED: Final = "chaos-aged"
FRAME_AGE_MS_MAX: Final = 5_000
"""Of that pipeline: what waits for longer, because a part of the system is away, is answered as expired."""

DEADLINE_MS: Final = (2_000, 10_000)
"""One in ten of all frames has a deadline of its own, so much later."""

RUN_MS_MAX: Final = 5_000
"""Of one run of a model in here: a hang shall not take the default's minutes."""

HOST_MEMORY_MIB_MAX: Final = 1_600
"""Of all model processes together: four of 150 MiB each, and one more while a fault lasts; a leak is above it soon."""

CAMERAS: Final = 8
TENSOR_IN, Y_OUT = (pa.schema([pa.field(name, pa.list_(pa.float32()))]) for name in ("tensor", "y"))
OVERDUE_MS_MAX: Final = 2 * RUN_MS_MAX
"""From a frame's deadline to its result: it was in time when its turn came, and then ran."""

SETTLED_S_MAX: Final = 120.0
"""From the end of the load until everything must be accounted for."""


@dataclass
class Arena:
    """A running stack with a split of models[0] and models[1], a shadow deploy, a step that does harm when told to, and
    a pipeline of models[0] whose frames may be some seconds old."""

    stack: LocalStack
    on: LocalStack | None
    """Whose servers the stack uses; None: its own."""
    client: Client
    split: Pipeline
    shadow: Pipeline
    mischief: Pipeline
    models: list[ModelVersion]
    step: ModelVersion
    """The step that does harm, and is live."""
    relief: ModelVersion
    """The same step under another name: live after the next swap."""
    challenger: ModelVersion
    """Of the shadow deploy: models[2], or after a swap models[1]."""
    load: "Load | None" = None
    """Of the round that is played."""
    beside: int = 0
    """Frames that were sent beside the load."""

    def send(self, pipeline: str, value: bytes) -> None:
        """One frame beside the load; returns when Kafka has it."""
        connection = self.client._connection  # noqa: SLF001 (what the command line opens)
        connection.broker.send(connection.topics.frames, value, b"camera-0", [("pipeline", pipeline.encode())])
        self.beside += 1

    def hurry(self, frames: int) -> None:
        """The load's next frames come without a pause, so that whoever breaks now is in the middle of some."""
        assert self.load is not None
        self.load.hurry(frames)

    def swap_out(self) -> None:
        """Nobody needs the step and the challenger any more, others take their place; returns before they are warm."""
        self.mischief.replace_with_model_step(0, self.relief).deploy(wait_for_status=False)
        self.step, self.relief = self.relief, self.step
        other = self.models[1] if self.challenger is self.models[2] else self.models[2]
        self.shadow.replace_with_shadow_deploy(0, self.models[0], [other]).deploy(wait_for_status=False)
        self.challenger = other

    def model_process(self, rng: Random) -> psutil.Process:
        """One of the model processes, by chance."""
        return rng.choice(eventually(self.model_processes, 60, "a model process"))

    def model_processes(self) -> list[psutil.Process]:
        """All of them, of its own host."""
        return _inference(psutil.Process(self.stack.process("host")))

    def work_topic(self, model: ModelVersion, lane: Lane) -> str:
        """The topic of a model's tasks."""
        return self.client._connection.topics.work(model.key(), lane)  # noqa: SLF001 (as above)

    def verify(self, since: int) -> LedgerReport:
        """The account of everything sent since then."""
        return verify(self.client._connection, since, now_ms())  # noqa: SLF001 (what the command line opens)

    def settled(self, since: int) -> LedgerReport:
        """The account, once everything is in order, or when time is up."""
        return settled(self.client._connection, since)  # noqa: SLF001 (as above)

    def frames_twice(self, since: int) -> int:
        """How many frames stand on their topic once more: a client may send one again that a broker, lost in that
        moment, had taken. By request id."""
        connection = self.client._connection  # noqa: SLF001 (as above)
        with RecordStream(connection.broker, connection.topics.frames, since) as records:
            ids = Counter(dict(record.headers).get("request-id") for record in records)
        del ids[None]  # those beside the load
        return ids.total() - len(ids)

    def keep(self, folder: Path, since: int) -> None:
        """Every service's log, and a line for each record on `results` since then: what a round that did not hold
        leaves behind."""
        folder.mkdir(parents=True, exist_ok=True)
        for stack in (self.stack, self.on) if self.on else (self.stack,):
            for name, process in stack.processes.items():
                if process.log.exists():
                    shutil.copy(process.log, folder / f"{name}.log")
        connection = self.client._connection  # noqa: SLF001 (as above)
        try:
            with RecordStream(connection.broker, connection.topics.results, since) as records:
                lines = [
                    f"{one.partition}/{one.offset} {one.timestamp} {one.key!r} "
                    + " ".join(f"{name}={value!r}" for name, value in one.headers)
                    for one in records
                ]
        except (ConnectionError, RetryLater) as error:
            lines = [f"they cannot be read: {error}"]
        (folder / "results.txt").write_text("\n".join(lines) + "\n")

    def answers(self, since: int) -> list[Answer]:
        """Everything on `results` since then."""
        broker, topics = self.client._connection.broker, self.client._connection.topics  # noqa: SLF001 (as above)
        with RecordStream(broker, topics.results, since) as records:
            return [Answer.from_record(one.key, one.value, list(one.headers)) for one in records]


def settled(connection: Connection, since: int) -> LedgerReport:
    """The account of everything sent since then, once everything is in order, or when time is up."""
    deadline = time.monotonic() + SETTLED_S_MAX
    while True:
        try:
            report = verify(connection, since, now_ms())
            if report.in_order or time.monotonic() > deadline:
                return report
        except (ConnectionError, RetryLater):
            # Redis is not back yet, or the client has not found a partition's new leader in time: asked again.
            if time.monotonic() > deadline:
                raise
        threading.Event().wait(1.0)


def longest_silence_s(answers: Iterable[Answer]) -> float:
    """Between one official answer and the next: how long nobody was answered. Seconds, by `published-at`."""
    times = sorted(answer.published_at for answer in answers)
    return max((later - earlier for earlier, later in pairwise(times)), default=0) / 1000


def overdue(answers: Iterable[Answer]) -> list[str]:
    """Request ids of the load whose frames had expired long before their result: nobody waited for it any more."""
    found = []
    for answer in answers:
        match answer.request_id.split("-"):
            case ["chaos", _, deadline, _] if deadline and answer.status == "ok":
                if answer.published_at > int(deadline) + OVERDUE_MS_MAX:
                    found.append(answer.request_id)
    return found


class Load(threading.Thread):
    """Frames of some cameras to all pipelines, some of them wrong, some with a deadline, at a steady pace until it is
    halted. A request id is `chaos-SENT-EXPIRES-NUMBER`, Unix milliseconds; EXPIRES is empty where the frame never
    does."""

    def __init__(self, arena: Arena, per_second: float, seed: int) -> None:
        super().__init__(daemon=True)
        self._topic = arena.client._connection.topics.frames  # noqa: SLF001 (as above)
        self._pause_s = 1 / per_second
        self._hurried = 0
        self._rng = Random(seed)
        self._halt = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": arena.stack.kafka,
                "linger.ms": 0,
                "enable.idempotence": True,
                "delivery.timeout.ms": 120_000,
                "log_level": 0,
            }
        )
        self.sent = 0
        self.confirmed = 0
        self._refused: list[str] = []
        self._unconfirmed = 0

    def run(self) -> None:
        while not self._halt.wait(0 if self._hurried else self._pause_s):
            self._hurried = max(0, self._hurried - 1)
            self._send()
            self._producer.poll(0)

    def hurry(self, frames: int) -> None:
        """The next ones come without a pause."""
        self._hurried = frames

    def wait_for_more(self, count: int) -> None:
        """Until `count` more frames are sent."""
        until = self.sent + count
        eventually(lambda: self.sent >= until, 60, f"{count} more frames to be sent")

    def halt(self) -> None:
        """Stop, and wait for Kafka to confirm what was sent."""
        self._halt.set()
        self.join()
        self._unconfirmed = self._producer.flush(120)

    def failures(self) -> list[str]:
        """What Kafka did not take, once it is halted."""
        left = [f"{self._unconfirmed} frames are not confirmed"] if self._unconfirmed else []
        return [*left, *self._refused[:3]]

    def _send(self) -> None:
        pipeline = self._rng.choice((SPLIT, SHADOW, SPLIT, SHADOW, MISCHIEF, AGED))
        camera = f"camera-{self._rng.randrange(CAMERAS)}"
        wrong = self._rng.random() < 0.05
        value = b"no json" if wrong else f'[{{"tensor": [{10 + self.sent}, {self._rng.randrange(100)}]}}]'.encode()
        headers: list[tuple[str, str | bytes | None]] = [("pipeline", pipeline), ("camera", camera)]
        now, deadline = now_ms(), None
        if self._rng.random() < 0.1:
            deadline = now + self._rng.randrange(*DEADLINE_MS)
            headers.append(("deadline", str(deadline)))
        by_age = now + FRAME_AGE_MS_MAX if pipeline == AGED else None
        expires = min((at for at in (deadline, by_age) if at is not None), default="")
        headers.append(("request-id", f"chaos-{now}-{expires}-{self.sent}"))
        self._producer.produce(self._topic, value, camera, headers=headers, timestamp=now, on_delivery=self._delivered)
        self.sent += 1

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.confirmed += 1
        else:
            self._refused.append(str(error))


@contextmanager
def arena(folder: Path, on: LocalStack | None = None, store: Path | None = None) -> Iterator[Arena]:
    """A stack of its own, all four pipelines deployed. on: whose servers it uses; store: of its models."""
    environment = {"SPARRING_RUN_MS_MAX": str(RUN_MS_MAX), "SPARRING_HOST_MEMORY_MIB_MAX": str(HOST_MEMORY_MIB_MAX)}
    if store is not None:
        environment["SPARRING_STORE"] = str(store)
    with (
        LocalStack(folder / "stack", on=on, allow_python=True, environment=environment) as stack,
        Client(Settings.read(stack.environment())) as client,
    ):
        models = []
        for number in range(3):
            path = folder / f"times-{number}.onnx"
            path.write_bytes(scaling_model(2.0 + number))
            models.append(client.upload_model(f"times-{number}", path, framework=Framework.ONNX).configure("onnx"))
        split = client.build_pipeline(SPLIT)
        split.add_random_split([(2, models[0]), (1, models[1])], hash_key="camera").deploy()
        shadow = client.build_pipeline(SHADOW).add_shadow_deploy(models[0], [models[2]]).deploy(deploy_wait_s=240)
        path = folder / "mischief.py"
        path.write_text(MISCHIEF_STEP)
        step, relief = (
            client.upload_model(name, path, Framework.PYTHON, TENSOR_IN, Y_OUT) for name in ("mischief", "relief")
        )
        mischief = client.build_pipeline(MISCHIEF).add_model_step(step).deploy()
        client.build_pipeline(AGED).add_model_step(models[0]).set_frame_age_ms_max(FRAME_AGE_MS_MAX).deploy()
        yield Arena(stack, on, client, split, shadow, mischief, models, step, relief, models[2])


def _inference(host: psutil.Process) -> list[psutil.Process]:
    return [child for child in host.children() if "inference" in _command(child)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
