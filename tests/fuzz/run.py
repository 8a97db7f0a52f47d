"""The corpus sent to a running system, and what came back of it.

Frames are told apart by their place on the topic: a fuzzed frame may have no request id, or one that is none.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psutil
from confluent_kafka import KafkaError, Message, Producer

from adapters.settings import InferenceSettings
from schemas.frames import RawHeaders
from schemas.limits import MIB
from schemas.results import Answer
from sparring import Client, Framework
from sparring.kafka.records import RecordStream
from sparring.stack import LocalStack
from tests.chaos.memory import Memory
from tests.fuzz.corpus import Fuzzed
from tests.raw_names import sent_with_raw_names
from tests.small_models import same_image_model, scaling_model
from tests.waiting import eventually

IMAGE, TABLE = "fuzz-image", "fuzz-table"
MEMORY_MIB_MAX: Final = 768.0
"""Of any process of ours with one thread that reads frames, whatever the frames. Kafka's and Valkey's are their own to
bound."""

THREAD_MIB_MAX: Final = 512.0
"""More for each further inference thread: what a table, or a picture, may take while it is read."""

_UNPACKED_BYTES: Final = 64 * MIB
"""Of a record that a producer of no good will packs."""

_AT_ONCE: Final = 400
_ANSWERED_S_MAX: Final = 120.0


@dataclass
class Heard:
    """answers: `status` or `error` of each answer, by the frame's place. letters: the places of dead letters."""

    answers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    letters: set[str] = field(default_factory=set)

    def wait_for(self, places: Sequence[str]) -> None:
        """Until all of them are answered, and each error has its dead letter."""
        eventually(lambda: not self.unanswered(places), _ANSWERED_S_MAX, "the answers of all frames")
        refused = [place for place in places if self.answers[place][0][0] not in {"ok", "expired"}]
        eventually(lambda: self.letters.issuperset(refused), _ANSWERED_S_MAX, "the dead letters of all errors")

    def unanswered(self, places: Sequence[str]) -> list[str]:
        """Those of them that have no answer yet."""
        return [place for place in places if place not in self.answers]


@dataclass
class Outcome:
    """frames: with their places, as Kafka confirmed them. peak_mib: by process. ended: processes that did not live
    through it."""

    heard: Heard
    frames: dict[str, Fuzzed] = field(default_factory=dict)
    not_taken: Counter[str] = field(default_factory=Counter)
    peak_mib: dict[str, float] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def failures(self) -> list[str]:
        """What does not hold, a line each."""
        answers = [why for place, frame in self.frames.items() for why in self._failures(place, frame)]
        return [*answers, *(f"{one} ended" for one in sorted(self.ended)), *self._too_large()]

    def _too_large(self) -> list[str]:
        ours = {name: mib for name, mib in self.peak_mib.items() if name not in {"kafka", "valkey"}}
        return [
            f"{name} took {mib:.0f} MiB; expected {_mib_max(name):.0f}"
            for name, mib in ours.items()
            if mib > _mib_max(name)
        ]

    def said(self) -> dict[str, Counter[str]]:
        """By kind: how often which status, or which error."""
        counts: dict[str, Counter[str]] = {}
        for place, frame in self.frames.items():
            counts.setdefault(frame.kind, Counter()).update(said for said, _ in self.heard.answers.get(place, [])[:1])
        return counts

    def _failures(self, place: str, frame: Fuzzed) -> Iterator[str]:
        answers = self.heard.answers.get(place, [])
        if len(set(answers)) != 1:  # one may be written a second time, as the contract says
            yield f"{place}, {frame.kind}: answered {answers}; expected one answer"
            return
        said, message = answers[0]
        refused = said not in {"ok", "expired"}
        if frame.must_be_refused and not refused:
            yield f"{place}, {frame.kind}: answered {said}; expected a refusal"
        if refused and not message:
            yield f"{place}, {frame.kind}: refused as {said} without a word"
        if refused != (place in self.heard.letters):
            yield f"{place}, {frame.kind}: answered {said}, dead letter: {place in self.heard.letters}"


def fuzz(stack: LocalStack, client: Client, folder: Path, corpus: Iterator[Fuzzed], told: Any = None) -> Outcome:
    """Send the whole corpus, some hundred frames at a time, and wait for each answer.

    folder: for the models' files; told: called with how many are answered.
    """
    _deploy(client, folder)
    before = _processes(stack)
    with _listening(client) as heard, Memory(stack) as memory:
        outcome = Outcome(heard)
        while some := list(islice(corpus, _AT_ONCE)):
            places = _sent(stack, some, outcome)
            try:
                heard.wait_for(places)
            except AssertionError as error:
                missing = Counter(outcome.frames[place].kind for place in heard.unanswered(places))
                error.add_note(f"without an answer: {missing}")
                raise
            if told is not None:
                told(len(outcome.frames))
    outcome.peak_mib = memory.peak
    outcome.ended = {f"{name} ({pid})" for name, pid in before - _processes(stack)}
    return outcome


def _deploy(client: Client, folder: Path) -> None:
    same, double, triple = folder / "same.onnx", folder / "double.onnx", folder / "triple.onnx"
    same.write_bytes(same_image_model(64))
    double.write_bytes(scaling_model(2.0))
    triple.write_bytes(scaling_model(3.0))
    models = {
        path.stem: client.upload_model(f"fuzz-{path.stem}", path, framework=Framework.ONNX).configure("onnx")
        for path in (same, double, triple)
    }
    client.build_pipeline(IMAGE).clear().add_model_step(models["same"]).deploy()
    split = [(1, models["double"]), (1, models["triple"])]
    client.build_pipeline(TABLE).clear().add_random_split(split, hash_key="shop").deploy()


def _sent(stack: LocalStack, frames: Sequence[Fuzzed], outcome: Outcome) -> list[str]:
    """The places of those that Kafka took."""
    settings = {"bootstrap.servers": stack.kafka, "message.max.bytes": _UNPACKED_BYTES, "linger.ms": 0, "log_level": 0}
    plain, packing = Producer(settings), Producer(settings | {"compression.type": "zstd"})
    topic, places = f"{stack.namespace}.frames", []

    def delivered(frame: Fuzzed) -> Any:
        def report(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                outcome.not_taken[f"{frame.kind}: {error.name()}"] += 1
                return
            place = f"{message.topic()}/{message.partition()}/{message.offset()}"
            outcome.frames[place] = frame
            places.append(place)

        return report

    for frame in frames:
        headers: list[Any] = _with_pipeline(frame)
        if not frame.names_are_text:
            place = sent_with_raw_names(stack.kafka, topic, frame.value, frame.key, headers)
            outcome.frames[place] = frame
            places.append(place)
            continue
        producer = packing if frame.packed else plain
        producer.produce(topic, frame.value, frame.key, headers=headers, on_delivery=delivered(frame))
        producer.poll(0)
        if frame.packed:
            producer.flush(_ANSWERED_S_MAX)  # alone in its batch
    for producer in (plain, packing):
        assert producer.flush(_ANSWERED_S_MAX) == 0, "Kafka did not confirm the frames"
    return places


def _with_pipeline(frame: Fuzzed) -> RawHeaders:
    own = any(name == "pipeline" for name, _ in frame.headers)
    wanted = IMAGE if frame.reader == "image" else TABLE
    return [*frame.headers, *([] if own else [("pipeline", wanted.encode())])]


def _processes(stack: LocalStack) -> set[tuple[str, int]]:
    found = {(name, process.pid or 0) for name, process in stack.processes.items()}
    children = psutil.Process(stack.process("host")).children()
    return found | {("model process", child.pid) for child in children if "fuzz" in " ".join(child.cmdline())}


@contextmanager
def _listening(client: Client) -> Iterator[Heard]:
    """Everything that is written to `results` and `deadletters` while the block runs."""
    connection = client._connection  # noqa: SLF001 (what the command line opens by itself)
    heard = Heard()
    names = (connection.topics.results, connection.topics.deadletters)
    streams = [RecordStream(connection.broker, name, None, follow=True) for name in names]
    takes = (_hear_answer, _hear_letter)
    threads = [
        threading.Thread(target=_listen, args=(stream, take, heard), daemon=True)
        for stream, take in zip(streams, takes, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        for stream, thread in zip(streams, threads, strict=True):
            stream.stop()
            thread.join(30)
            stream.close()


def _listen(stream: RecordStream, take: Any, heard: Heard) -> None:
    for record in stream:
        take(record, heard)


def _hear_answer(record: Any, heard: Heard) -> None:
    answer = Answer.from_record(record.key, record.value, list(record.headers))
    failure = None if answer.status == "ok" else answer.failure()
    said = (
        ("ok", "")
        if failure is None
        else (failure.error if answer.status == "error" else answer.status, failure.message)
    )
    heard.answers.setdefault(answer.frame, []).append(said)


def _hear_letter(record: Any, heard: Heard) -> None:
    # A frame's own headers come first, and may have the same name.
    *_, place = (value for name, value in record.headers if name == "frame" and value is not None)
    heard.letters.add(place.decode())


def _mib_max(process: str) -> float:
    more = InferenceSettings().threads - 1 if process.startswith("model ") else 0
    return MEMORY_MIB_MAX + more * THREAD_MIB_MAX
