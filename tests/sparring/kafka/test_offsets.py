"""What of a topic is read: by time exact per partition, and by offsets; the end is settled when reading begins."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import TopicPartition as ConfluentPlace
from confluent_kafka.admin import AdminClient
from kafka import TopicPartition

from schemas.limits import PARTITIONS
from sparring.kafka.broker import Broker
from sparring.kafka.offsets import OffsetRange, checked_spans, places_of, spans_by_time
from sparring.kafka.records import RecordStream, truncated_partitions
from sparring.stack import LocalStack
from tests.sparring.results.test_answers import NOW, Writer, kafka, writer

__all__ = ["kafka", "writer"]  # fixtures


@pytest.fixture
def asker(kafka: Broker) -> Iterator[Any]:
    consumer = kafka.consumer(())
    yield consumer
    consumer.close(autocommit=False)


@pytest.fixture
def topic(writer: Writer) -> str:
    """Ten records each in two partitions: at 0, 10, 20 and at 5, 15, 25 ... milliseconds."""
    for number in range(20):
        writer.write(f"r{number:02}", NOW + number * 5, partition=number % 2)
    return writer.topics.results


def read(stream: RecordStream) -> list[str]:
    with stream:
        return [dict(record.headers)["request-id"].decode() for record in stream]


def named(*numbers: int) -> list[str]:
    return [f"r{number:02}" for number in numbers]


@pytest.mark.parametrize(
    ("since", "until", "begins", "ends"),
    [
        (None, None, (0, 0), (10, 10)),
        (10, 30, (1, 1), (3, 3)),
        (11, 31, (2, 1), (4, 3)),
        (-5, 5, (0, 0), (1, 0)),
        (40, 40, (4, 4), (4, 4)),
        (90, 10_000, (9, 9), (10, 10)),
        (10_000, 20_000, (10, 10), (10, 10)),
        (50, 10, (5, 5), (5, 5)),
    ],
)
def test_a_span_begins_and_ends_in_each_partition_at_its_times(
    asker: Any, topic: str, since: int | None, until: int | None, begins: tuple[int, int], ends: tuple[int, int]
) -> None:
    """since inclusive, until exclusive; a partition without such records has an empty span."""
    at = [None if ms is None else NOW + ms for ms in (since, until)]
    spans = spans_by_time(asker, places_of(asker, topic), *at, follow=False)
    assert [spans[TopicPartition(topic, one)] for one in range(2)] == [
        OffsetRange(begin, end) for begin, end in zip(begins, ends, strict=True)
    ]
    assert len(spans) == PARTITIONS


def test_records_from_since_up_to_until_come_in_the_order_of_time(kafka: Broker, topic: str) -> None:
    assert read(RecordStream(kafka, topic, NOW + 10, NOW + 30)) == named(2, 3, 4, 5)
    assert read(RecordStream(kafka, topic, None, NOW + 10)) == named(0, 1)
    assert read(RecordStream(kafka, topic, NOW + 30, NOW + 30)) == []


def test_offsets_are_read_as_they_are_named_of_several_topics_at_once(
    kafka: Broker, topic: str, writer: Writer
) -> None:
    writer.write("shadow", NOW + 33, role="shadow")
    spans = {
        TopicPartition(topic, 0): OffsetRange(3, 5),
        TopicPartition(topic, 1): OffsetRange(9, 10),
        TopicPartition(writer.topics.shadows, 0): OffsetRange(0, 1),
    }
    assert read(RecordStream(kafka, topic, spans=spans)) == [*named(6), "shadow", *named(8, 19)]


def test_offsets_that_are_followed_end_where_an_end_was_named(kafka: Broker, topic: str) -> None:
    spans = {TopicPartition(topic, 0): OffsetRange(8, 10), TopicPartition(topic, 1): OffsetRange(10, 10)}
    assert read(RecordStream(kafka, topic, follow=True, spans=spans)) == named(16, 18)


def test_an_end_that_is_not_named_is_where_the_partition_ends_now(asker: Any, topic: str) -> None:
    place = TopicPartition(topic, 0)
    assert checked_spans(asker, {place: OffsetRange(4)}) == {place: OffsetRange(4, 10)}


@pytest.mark.parametrize("span", [OffsetRange(0, 11), OffsetRange(11), OffsetRange(-1, 3), OffsetRange(5, 4)])
def test_offsets_that_are_not_there_are_refused_by_their_partition(asker: Any, topic: str, span: OffsetRange) -> None:
    came = 10 if math.isinf(span.end) else span.end
    with pytest.raises(ValueError, match=rf"results/0: offsets {span.begin} to {came}; there are 0 to 10 \(the first"):
        checked_spans(asker, {TopicPartition(topic, 0): span})


def test_partitions_that_no_longer_hold_a_time_are_named(kafka: Broker, topic: str, broker: LocalStack) -> None:
    assert truncated_partitions(kafka, topic, NOW - 1_000) == []
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    for removed in admin.delete_records([ConfluentPlace(topic, 0, 3), ConfluentPlace(topic, 1, 10)]).values():
        removed.result(60)
    assert truncated_partitions(kafka, topic, NOW - 1_000) == [0, 1]
    assert truncated_partitions(kafka, topic, NOW + 31) == [1]  # of which nothing is left
