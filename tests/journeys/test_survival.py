"""Processes die, hang and are swapped under load: every frame keeps its one official answer."""

import os
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
import redis
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from adapters.brokers import Brokers
from adapters.kafka.confirming_producer import ConfirmingProducer
from adapters.kafka.record import record_of
from schemas.keys import Keys, official_field
from schemas.limits import ATTEMPTS_MAX
from schemas.names import Lane
from schemas.topics import TopicNames
from sparring import Client, Framework, ModelVersion, Pipeline
from sparring.stack import LocalStack
from tests.journeys.processes import model_processes
from tests.journeys.wire import Wire
from tests.reading import cells
from tests.small_models import gated_step
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]
ROW = b'[{"tensor": [1, 2]}]'
RESUME_S_MAX = 30.0
"""Kafka gives a dead process's share away after 6 s, and the next has to start. How long it takes: docs/faults.md."""


@pytest.fixture
def scale(own_scale: Scale) -> Scale:
    """Tests of this file look at processes: none of another test may be there."""
    return own_scale


class Stream(threading.Thread):
    """Frames at an even pace, until told to stop."""

    def __init__(self, wire: Wire, pipeline: str, per_second: float, count: int = 100_000) -> None:
        super().__init__(daemon=True)
        self._wire, self._pipeline, self._pause_s, self._count = wire, pipeline, 1 / per_second, count
        self._halt = threading.Event()
        self.sent: list[str] = []

    def run(self) -> None:
        while len(self.sent) < self._count and not self._halt.wait(self._pause_s):
            self.sent.append(self._wire.send(self._pipeline, ROW))

    def wait_for_more(self, count: int) -> None:
        """Until `count` more frames are sent."""
        until = len(self.sent) + count
        eventually(lambda: len(self.sent) >= until, 60, f"{count} more frames to be sent")

    def halt(self) -> list[str]:
        self._halt.set()
        self.join()
        return self.sent


def test_a_killed_model_process_loses_no_frame_and_answers_resume(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    double = scale("double", 2.0)
    pipeline.add_model_step(double).deploy()
    stream = Stream(wire, pipeline.name(), per_second=40, count=300)
    stream.start()
    stream.wait_for_more(80)
    (process,) = model_processes(stack, double)
    killed_s = time.monotonic()
    process.send_signal(signal.SIGKILL)
    probe = eventually(lambda: stream.sent[-1] if len(stream.sent) > 100 else None, 60, "a frame after the kill")
    wire.answer(probe)
    resumed_s = time.monotonic() - killed_s
    stream.join()
    answers = wire.answers(stream.sent, within_s=60)
    assert len(answers) == 300
    assert {answer.status for answer in answers.values()} == {"ok"}
    assert resumed_s < RESUME_S_MAX, f"answers resumed after {resumed_s:.1f} s"


def test_a_message_that_takes_its_process_down_every_time_is_refused_and_its_neighbours_are_answered(
    pipeline: Pipeline, wire: Wire, mischief: ModelVersion
) -> None:
    pipeline.add_model_step(mischief).deploy()
    deadly = wire.send(pipeline.name(), b'[{"tensor": [3, 0]}]', key=b"one")
    others = [wire.send(pipeline.name(), b'[{"tensor": [7, 0]}]', key=b"one") for _ in range(5)]
    refused = wire.answer(deadly, within_s=100)
    assert refused.failure().error == "TooManyAttempts"
    letter, its_bytes = wire.deadletter(deadly)
    assert (letter["attempts"], its_bytes) == ("3", b'[{"tensor": [3, 0]}]')
    answers = wire.answers(others, within_s=60)
    assert {answer.status for answer in answers.values()} == {"ok"}


def test_a_frame_whose_answer_nobody_may_write_is_not_blamed_for_it(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    double = scale("double", 2.0)
    pipeline.add_model_step(double).deploy()
    wire.answer(wire.send(pipeline.name(), ROW))
    ended: set[int] = set()

    def have_ended(count: int) -> bool:
        ended.update(process.pid for process in model_processes(stack, double))
        return len(ended) >= count

    with results_too_large(stack):
        frame = wire.send(pipeline.name(), ROW)
        eventually(lambda: have_ended(ATTEMPTS_MAX + 2), 90, "the process to end more often than a frame is tried")
    assert wire.answer(frame, within_s=60).status == "ok"


@contextmanager
def results_too_large(stack: LocalStack) -> Iterator[None]:
    """The broker takes no answer, as one whose topic is set up wrongly."""

    admin = AdminClient({"bootstrap.servers": stack.kafka})
    topic = ConfigResource(ResourceType.TOPIC, TopicNames(stack.namespace).results)

    def in_force() -> str:
        return str(admin.describe_configs([topic])[topic].result(10)["max.message.bytes"].value)

    before = in_force()

    def settle(size_bytes: str) -> None:
        entry = ConfigEntry("max.message.bytes", size_bytes, incremental_operation=AlterConfigOpType.SET)
        change = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])
        for changed in admin.incremental_alter_configs([change]).values():
            changed.result(10)

    settle("1")
    eventually(lambda: in_force() == "1", 60, "the broker to follow its controller")
    try:
        yield
    finally:
        settle(before)


def test_a_killed_router_and_a_killed_indexer_lose_nothing(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    stream = Stream(wire, pipeline.name(), per_second=40, count=200)
    stream.start()
    for victim in ("router", "indexer"):
        stream.wait_for_more(40)
        os.kill(stack.process(victim), signal.SIGKILL)
    stream.join()
    answers = wire.answers(stream.sent, within_s=60)
    assert {answer.status for answer in answers.values()} == {"ok"}
    index = redis.Redis.from_url(stack.redis)
    keys, field = Keys(stack.namespace), official_field(f"default/{pipeline.name()}")
    eventually(
        lambda: all(index.hexists(keys.request(one), field) for one in stream.sent),
        60,
        "every answer to be in Redis by request",
    )


def test_the_same_request_id_twice_has_one_official_answer_by_request(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    name = f"default/{pipeline.name()}"
    first = wire.send(pipeline.name(), ROW)
    wire.answer(first)
    index = redis.Redis.from_url(stack.redis, decode_responses=False)
    key = Keys(stack.namespace).request(first)
    stored = eventually(lambda: index.hget(key, official_field(name)), 60, "the answer in Redis")
    wire.send(pipeline.name(), b'[{"tensor": [5, 5]}]', request_id=first)
    eventually(lambda: len(wire.results[first]) == 2, 60, "the second answer on the topic")
    eventually(lambda: any(b"|duplicate|" in field for field in index.hkeys(key)), 60, "the note of a duplicate")
    assert index.hget(key, official_field(name)) == stored


def test_the_champion_is_swapped_under_a_steady_stream_and_the_old_one_is_gone(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    old, new = scale("old-champion", 2.0), scale("new-champion", 3.0)
    pipeline.add_model_step(old).deploy()
    (before,) = model_processes(stack, old)
    stream = Stream(wire, pipeline.name(), per_second=50)
    stream.start()
    stream.wait_for_more(50)

    pipeline.replace_with_model_step(0, new).deploy()
    after_deploy = wire.send(pipeline.name(), ROW)
    stream.wait_for_more(50)
    answers = wire.answers(stream.halt())

    assert {answer.status for answer in answers.values()} == {"ok"}
    factors = {"old-champion": [[2.0, 4.0]], "new-champion": [[3.0, 6.0]]}
    versions = {}
    for answer in answers.values():
        assert answer.model is not None
        assert cells(answer.value, "y") == factors[answer.model]
        versions[answer.model] = answer.pipeline_version
    assert len(versions) == 2
    assert versions["old-champion"] != versions["new-champion"]
    assert wire.answer(after_deploy).model == "new-champion"
    assert Counter(len(wire.results[one]) for one in stream.sent) == {1: len(stream.sent)}
    eventually(lambda: not before.is_running(), 60, "the old champion's process to end")


def test_an_old_champion_that_dies_after_the_swap_still_answers_what_was_sent_to_it(
    client: Client, stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire, tmp_path: Path
) -> None:
    gate, path = tmp_path / "gate", tmp_path / "gated.py"
    path.write_text(gated_step(gate))
    takes, gives = (pa.schema([pa.field(name, pa.list_(pa.float32()))]) for name in ("tensor", "y"))
    old = client.upload_model("gated", path, Framework.PYTHON, takes, gives)
    pipeline.add_model_step(old).deploy()
    ids = [wire.send(pipeline.name(), b'[{"tensor": [2, 0]}]') for _ in range(20)]
    wire.flush()
    pipeline.replace_with_model_step(0, scale("double", 2.0)).deploy()
    (process,) = model_processes(stack, old)
    process.kill()
    gate.touch()
    answers = wire.answers(ids, within_s=60)
    assert {(answer.status, answer.model) for answer in answers.values()} == {("ok", "gated")}
    eventually(lambda: not model_processes(stack, old), 60, "its process to end once it has answered everything")


def test_tasks_that_come_after_their_models_processes_have_ended_are_answered(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    champion, rival = scale("late-champion", 2.0), scale("late-rival", 3.0)
    pipeline.add_shadow_deploy(champion, [rival]).deploy()
    request = wire.send(pipeline.name(), ROW)
    wire.answer(request)
    wire.challengers([request])
    pipeline.replace_with_model_step(0, scale("double", 2.0)).deploy()
    lanes: list[tuple[ModelVersion, Lane]] = [(champion, "official"), (rival, "shadow")]

    def none_runs() -> bool:
        return not any(model_processes(stack, model, lane) for model, lane in lanes)

    eventually(none_runs, 60, "both processes to end")
    # As a router does that was silent meanwhile: it had decided before it could know of the swap.
    for model, lane in lanes:
        send_again(stack, TopicNames(stack.namespace).work(model.key(), lane))
    eventually(lambda: len(wire.results[request]) == 2, 60, "the champion's answer to the late task")
    eventually(lambda: len(wire.shadows[request]) == 2, 60, "the challenger's answer to the late task")
    assert {answer.status for answer in (*wire.results[request], *wire.shadows[request])} == {"ok"}
    eventually(none_runs, 60, "both processes to end again")


def send_again(stack: LocalStack, topic: str) -> None:
    """Every record of the topic."""
    reader = Consumer({"bootstrap.servers": stack.kafka, "group.id": f"reader-{uuid.uuid4()}"})
    partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
    places = [TopicPartition(topic, partition, 0) for partition in partitions]
    count = sum(reader.get_watermark_offsets(place, timeout=10)[1] for place in places)
    reader.assign(places)
    records = reader.consume(count, timeout=60)
    reader.close()
    assert len(records) == count > 0
    producer = ConfirmingProducer(Brokers(stack.kafka))
    for record in map(record_of, records):
        assert record is not None
        producer.send(topic, record.key, record.value, record.headers)
    producer.flush()


def test_a_process_that_ends_in_good_order_leaves_no_quarantine_behind(
    stack: LocalStack, pipeline: Pipeline, scale: Scale, wire: Wire
) -> None:
    double = scale("double", 2.0)
    pipeline.add_model_step(double).deploy()
    wire.answers([wire.send(pipeline.name(), ROW) for _ in range(40)])
    topic = TopicNames(stack.namespace).work(double.key(), "official")
    assert {note for _offset, note in committed(stack, topic).values()} == {"open"}
    pipeline.undeploy()
    eventually(lambda: not model_processes(stack, double), 60, "the model's process to end")
    offsets = committed(stack, topic)
    assert {note for _offset, note in offsets.values()} == {""}
    assert sum(offset for offset, _note in offsets.values()) == 40


def committed(stack: LocalStack, group: str) -> dict[int, tuple[int, str]]:
    """What a model's group has committed: partition -> offset and note."""
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    places = asked.result(10).topic_partitions
    return {place.partition: (place.offset, place.metadata or "") for place in places}


def test_undeploy_frees_the_models_memory(stack: LocalStack, pipeline: Pipeline, scale: Scale) -> None:
    double = scale("double", 2.0)
    pipeline.add_model_step(double).deploy()
    assert model_processes(stack, double)
    pipeline.undeploy()
    eventually(lambda: not model_processes(stack, double), 60, "the model's process to end")


def test_answers_of_one_key_come_in_the_order_of_its_frames(pipeline: Pipeline, scale: Scale, wire: Wire) -> None:
    pipeline.add_model_step(scale("double", 2.0)).deploy()
    ids = [wire.send(pipeline.name(), ROW, key=b"camera-7") for _ in range(200)]
    answers = wire.answers(ids)
    heard = [one for one in list(wire.results) if one in answers]
    assert heard == ids
    assert {answer.key for answer in answers.values()} == {b"camera-7"}


@pytest.mark.parametrize("rows_max", [1, 8])
def test_batching_across_requests_changes_no_answer(
    pipeline: Pipeline, scale: Scale, wire: Wire, rows_max: int
) -> None:
    model = scale("double", 2.0).configure("onnx", batch_rows_max=rows_max, batch_wait_ms_max=5.0)
    pipeline.add_model_step(model).deploy()
    values = {wire.send(pipeline.name(), f'[{{"tensor": [{n}, 1]}}]'.encode()): n for n in range(100)}
    for one, answer in wire.answers(values).items():
        assert cells(answer.value, "y") == [[2.0 * values[one], 2.0]]
