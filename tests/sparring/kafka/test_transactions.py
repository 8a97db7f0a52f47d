"""Records of transactions, read as the router reads them: what was aborted was never sent."""

import contextlib
import time
from collections.abc import Iterator
from itertools import count

import pytest
from confluent_kafka import Producer
from kafka import TopicPartition

from adapters.settings import Settings
from schemas.frames import Origin
from sparring.frames.fetch import fetch
from sparring.kafka.broker import Broker
from sparring.kafka.records import RecordStream
from sparring.kafka.source import recorded_spans
from sparring.replay.select import begins_at
from sparring.replay.source import ReplayRange, TopicRange
from sparring.stack import LocalStack
from sparring.system.connection import Connection
from tests.sparring.sdk import fresh_settings

_IN_TIME_S: float = 60.0
_numbers = count(1)


@pytest.fixture
def settings(broker: LocalStack) -> Settings:
    return fresh_settings(broker, f"transactions-{next(_numbers)}")


@pytest.fixture
def kafka(settings: Settings) -> Iterator[Broker]:
    with Broker(settings.brokers) as opened:
        yield opened


class Transactional:
    """A producer of one partition of `frames`; each `send` is a batch of its own."""

    def __init__(self, settings: Settings, codec: str = "none") -> None:
        self._topic = settings.topics.frames
        name = f"{settings.namespace}-{next(_numbers)}"
        where = {"bootstrap.servers": settings.kafka, "transactional.id": name, "compression.type": codec}
        self._producer = Producer(where)
        self._producer.init_transactions(_IN_TIME_S)

    def begin(self) -> None:
        self._producer.begin_transaction()

    def send(self, value: bytes, times: int = 1) -> None:
        for _ in range(times):
            self._producer.produce(self._topic, value, partition=0)
        assert self._producer.flush(_IN_TIME_S) == 0

    def end(self, *, commit: bool) -> None:
        if commit:
            self._producer.commit_transaction(_IN_TIME_S)
        else:
            self._producer.abort_transaction(_IN_TIME_S)


def read(kafka: Broker, settings: Settings) -> list[bytes]:
    with RecordStream(kafka, settings.topics.frames) as records:
        return [record.value for record in records]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_aborted_records_are_no_records_whoever_else_writes_between(
    settings: Settings, kafka: Broker, codec: str
) -> None:
    aborting, committing = Transactional(settings, codec), Transactional(settings, codec)
    for _ in range(2):
        aborting.begin()
        committing.begin()
        for _ in range(2):
            aborting.send(b"aborted", times=3)
            committing.send(b"committed", times=3)
        committing.end(commit=True)
        aborting.end(commit=False)
    assert read(kafka, settings) == [b"committed"] * 12


def test_reading_ends_where_nothing_but_an_aborted_transaction_and_its_marker_is_left(
    settings: Settings, kafka: Broker
) -> None:
    producer = Transactional(settings)
    producer.begin()
    producer.send(b"x" * 30_000, times=200)
    producer.end(commit=False)
    assert read(kafka, settings) == []
    began_s = time.monotonic()
    topic = settings.topics.frames
    assert fetch(kafka, [Origin(topic, 0, offset) for offset in (0, 199, 200)]) == {}
    assert time.monotonic() - began_s < _IN_TIME_S


def test_an_open_transaction_ends_its_partition_until_it_is_committed(settings: Settings, kafka: Broker) -> None:
    before, open_one, behind = (Transactional(settings) for _ in range(3))
    before.begin()
    before.send(b"before")
    before.end(commit=True)
    open_one.begin()
    open_one.send(b"open")
    behind.begin()
    behind.send(b"behind")
    behind.end(commit=True)
    assert read(kafka, settings) == [b"before"]
    assert kafka.end(settings.topics.frames) == 2
    open_one.end(commit=True)
    assert read(kafka, settings) == [b"before", b"open", b"behind"]


def test_results_that_were_recorded_end_at_a_marker_too(settings: Settings, kafka: Broker) -> None:
    producer = Transactional(settings)
    producer.begin()
    producer.send(b"aborted")
    producer.end(commit=False)
    place = TopicPartition(settings.topics.frames, 0)
    span = recorded_spans(kafka, [(settings.topics.frames, None, None)])[place]
    assert (span.begin, span.end) == (0, 2)


def test_a_range_of_offsets_begins_with_its_first_frame_that_was_not_aborted(settings: Settings) -> None:
    producer = Transactional(settings)
    for value in (b"aborted", b"committed"):
        producer.begin()
        producer.send(value)
        producer.end(commit=value == b"committed")
    topic = settings.topics.frames
    with contextlib.closing(Connection(settings)) as connection:
        with RecordStream(connection.broker, topic) as records:
            (record,) = records
        assert begins_at(connection, TopicRange(topic, (ReplayRange(0, 0, 4),), None)) == record.timestamp
        assert begins_at(connection, TopicRange(topic, (ReplayRange(0, 0, 2),), None)) is None
