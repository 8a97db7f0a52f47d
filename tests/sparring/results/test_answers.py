"""Answers read from their topics: by time, to the end, as they come; read only."""

import contextlib
import threading
import time
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from kafka.admin import KafkaAdminClient

from adapters.brokers import Brokers
from adapters.settings import Settings
from schemas.limits import PARTITIONS
from schemas.names import PipelineName
from schemas.results import Answer
from schemas.tables.read import encode_rows
from schemas.topics import TopicNames
from sparring.kafka.broker import Broker
from sparring.results.answers import AnswerStream, read_answers
from sparring.results.query import Filter
from sparring.stack import LocalStack
from tests.shared_servers import WORKER
from tests.sparring.sdk import fresh_settings

NOW = time.time_ns() // 1_000_000 - 60_000
"""Near enough to the present for the topics to keep it."""

_numbers = count(1)


class Writer:
    """Writes answers at any time to any partition of a namespace of its own."""

    def __init__(self, stack: LocalStack) -> None:
        self.settings: Settings = fresh_settings(stack, f"stream-{WORKER}-{next(_numbers)}")
        self.topics: TopicNames = self.settings.topics
        self._producer = Producer({"bootstrap.servers": stack.kafka, "linger.ms": 0, "enable.idempotence": True})

    def write(self, request_id: str, at: int, partition: int = 0, role: str = "official", **more: Any) -> None:
        """at: Unix ms of the record."""
        answer = answer_of(request_id, **more)
        topic = self.topics.results if role == "official" else self.topics.shadows
        self.raw(topic, answer.value, answer.headers(), at, partition)

    def close(self) -> None:
        del self._producer

    def raw(self, topic: str, value: bytes | None, headers: Any, at: int, partition: int = 0) -> None:
        self._producer.produce(topic, value, partition=partition, timestamp=at, headers=headers)
        assert self._producer.flush(20) == 0


def answer_of(request_id: str, value: bytes | None = None, **more: Any) -> Answer:
    fields: dict[str, Any] = {
        "key": b"",
        "value": encode_rows({"y": [np.array([1.5], np.float32)]}) if value is None else value,
        "request_id": request_id,
        "status": "ok",
        "pipeline": "default/shelf",
        "frame": "frames/0/0",
        "frame_digest": "",
        "published_at": 1,
        "pipeline_version": "pv",
        "role": "champion",
        "model": "yolox",
        "model_version": "v1",
        "model_sha256": "sha",
    }
    return Answer(**{**fields, **more})


@pytest.fixture
def writer(broker: LocalStack) -> Iterator[Writer]:
    with contextlib.closing(Writer(broker)) as writes:
        yield writes


@pytest.fixture(scope="module")
def kafka(broker: LocalStack) -> Iterator[Broker]:
    with Broker(Brokers(broker.kafka)) as connected:
        yield connected


def ids(stream: AnswerStream, most: int | None = None) -> list[str]:
    with stream:
        return [answer.request_id for answer in islice(stream, most)]


def test_what_is_there_comes_in_the_order_of_time_across_partitions_and_ends(writer: Writer, kafka: Broker) -> None:
    for number in range(40):
        writer.write(f"r{number:02}", NOW + number, partition=(number * 7) % PARTITIONS)
    assert ids(read_answers(kafka, writer.topics)) == [f"r{number:02}" for number in range(40)]


def test_thousands_in_every_partition_come_whole_and_in_order(writer: Writer, kafka: Broker) -> None:
    """More than one poll gives: a partition is left alone while the others catch up, and goes on after that."""
    answer = answer_of("r")
    for number in range(6000):
        headers: Any = [*answer.headers()[1:], ("request-id", f"{number:04}".encode())]
        writer._producer.produce(  # noqa: SLF001 (one flush for all)
            writer.topics.results, answer.value, partition=number % PARTITIONS, timestamp=NOW + number, headers=headers
        )
    assert writer._producer.flush(30) == 0  # noqa: SLF001
    came = ids(read_answers(kafka, writer.topics))
    assert len(came) == 6000, came[:20]
    assert came == [f"{number:04}" for number in range(6000)]


def test_an_empty_topic_ends_at_once(writer: Writer, kafka: Broker) -> None:
    assert ids(read_answers(kafka, writer.topics)) == []
    assert ids(read_answers(kafka, writer.topics, since=5)) == []


def test_the_end_is_where_it_was_when_reading_began(writer: Writer, kafka: Broker) -> None:
    writer.write("before", NOW)
    stream = read_answers(kafka, writer.topics)
    writer.write("after", NOW + 1)
    assert ids(stream) == ["before"]


def test_since_begins_in_each_partition_at_its_time(writer: Writer, kafka: Broker) -> None:
    now = NOW + 60_000
    for partition in range(2):
        for age_s in (90, 60, 30):
            writer.write(f"p{partition}-{age_s}", now - age_s * 1000 + partition, partition)
    since = now - 60_000
    assert ids(read_answers(kafka, writer.topics, since=since)) == ["p0-60", "p1-60", "p0-30", "p1-30"]


def test_following_gives_what_comes_from_the_moment_it_was_asked_for(writer: Writer, kafka: Broker) -> None:
    writer.write("old", NOW)
    stream = read_answers(kafka, writer.topics, follow=True)
    for number in range(3):
        writer.write(f"new-{number}", NOW + number, partition=number)
    assert sorted(ids(stream, 3)) == ["new-0", "new-1", "new-2"]


def test_following_since_a_time_gives_what_is_there_and_goes_on(writer: Writer, kafka: Broker) -> None:
    writer.write("too-old", NOW - 9_000)
    writer.write("old", NOW - 1_000)
    with read_answers(kafka, writer.topics, since=NOW - 5_000, follow=True) as stream:
        assert next(stream).request_id == "old"
        writer.write("new", NOW)
        assert next(stream).request_id == "new"


def test_following_ends_when_it_is_stopped_from_anywhere(writer: Writer, kafka: Broker) -> None:
    with read_answers(kafka, writer.topics, follow=True) as stream:
        threading.Timer(0.3, stream.stop).start()
        began_s = time.monotonic()
        assert list(stream) == []
        assert time.monotonic() - began_s < 60


def test_challengers_answers_are_on_a_topic_of_their_own(writer: Writer, kafka: Broker) -> None:
    writer.write("official", NOW)
    writer.write("shadow", NOW, role="shadow")
    assert ids(read_answers(kafka, writer.topics, "shadow")) == ["shadow"]


def test_answers_are_chosen_by_pipeline_and_by_model_with_or_without_its_version(writer: Writer, kafka: Broker) -> None:
    writer.write("a", NOW)
    writer.write("b", NOW + 1, pipeline="lab/shelf")
    writer.write("c", NOW + 2, model_version="v2")
    for expected, wanted in (
        ("abc", Filter()),
        ("ac", Filter(PipelineName("default", "shelf"))),
        ("b", Filter(PipelineName("lab", "shelf"))),
        ("abc", Filter(model="yolox")),
        ("c", Filter(model="yolox@v2")),
        ("", Filter(model="nanodet")),
    ):
        assert "".join(ids(read_answers(kafka, writer.topics, wanted=wanted))) == expected, wanted


def test_a_record_that_is_no_answer_is_passed_over_with_a_warning_that_names_its_place(
    writer: Writer, kafka: Broker
) -> None:
    topic = writer.topics.results
    writer.raw(topic, b"hello", [("request-id", b"r")], NOW, partition=2)
    writer.raw(topic, None, answer_of("r").headers(), NOW + 1, partition=2)
    writer.raw(topic, b"", [("status", b"\xff")], NOW + 2, partition=2)
    writer.write("good", NOW + 3, partition=2)
    told: list[str] = []
    assert ids(read_answers(kafka, writer.topics, passed_over=told.append)) == ["good"]
    assert [line.partition(" ")[0] for line in told] == [f"{topic}/2/{offset}" for offset in range(3)]
    assert "not an answer: it has no header 'status'" in told[0]
    with pytest.warns(UserWarning, match="is passed over") as warned:
        ids(read_answers(kafka, writer.topics))
    assert str(warned[1].message) == f"{topic}/2/1 is passed over: it has no value"


def test_much_that_is_there_is_not_held_all_at_once(writer: Writer, kafka: Broker) -> None:
    large = bytes(200_000)
    for number in range(40):
        writer.write(f"r{number}", NOW + number, partition=number % 2, value=large)
    with read_answers(kafka, writer.topics) as stream:
        held, came = 0, []
        for answer in stream:
            came.append(answer.request_id)
            held = max(held, *(len(one.records) for one in stream._records._partitions))  # noqa: SLF001
    assert came == [f"r{number}" for number in range(40)]
    assert held < 12


def test_reading_leaves_no_group_behind(own_broker: LocalStack) -> None:
    with (
        contextlib.closing(Writer(own_broker)) as writer,
        Broker(Brokers(own_broker.kafka)) as kafka,
        contextlib.closing(KafkaAdminClient(bootstrap_servers=own_broker.kafka)) as admin,
    ):
        writer.write("r", NOW)
        before = {group["group_id"] for group in admin.list_groups()}
        ids(read_answers(kafka, writer.topics))
        after = {group["group_id"] for group in admin.list_groups()}
        assert not after - before


def test_a_namespace_without_topics_says_where_to_look(kafka: Broker) -> None:
    with pytest.raises(ConnectionError, match=r"has no topic nowhere\.results: start the system there, or set SPARR"):
        read_answers(kafka, TopicNames("nowhere"))
