"""What lies on a topic of the tests' stack, read from a mark to the end that it has now."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

from confluent_kafka import Consumer, TopicPartition

from schemas.frames import RawHeaders
from schemas.topics import RECORD_BYTES_MAX
from sparring.stack import LocalStack

_ANSWER_S = 60.0


@dataclass(frozen=True)
class Lying:
    """One record, as it lies there."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders

    @property
    def text_headers(self) -> dict[str, str]:
        """As a reader sees them: the last one counts."""
        return {name: value.decode(errors="replace") for name, value in self.headers if value is not None}

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True)
class Mark:
    """An offset per partition of the topic `<namespace>.<word>`."""

    word: str
    offsets: tuple[int, ...]

    @classmethod
    def beginning(cls, stack: LocalStack, word: str) -> Self:
        """Where the topic begins."""
        with closing(_consumer(stack)) as consumer:
            return cls(word, tuple(low for low, _ in _edges(consumer, stack, word)))


def mark_ends(stack: LocalStack, word: str) -> Mark:
    """Where the topic ends now."""
    with closing(_consumer(stack)) as consumer:
        return Mark(word, tuple(high for _, high in _edges(consumer, stack, word)))


def read_since(stack: LocalStack, mark: Mark) -> Iterator[Lying]:
    """Every record from the mark to the end that the topic has now; fails where one does not come."""
    with closing(_consumer(stack)) as consumer:
        ends = [high for _, high in _edges(consumer, stack, mark.word)]
        topic = f"{stack.namespace}.{mark.word}"
        left = {one: end for one, (begin, end) in enumerate(zip(mark.offsets, ends, strict=True)) if begin < end}
        consumer.assign([TopicPartition(topic, one, mark.offsets[one]) for one in left])
        while left:
            message = consumer.poll(_ANSWER_S)
            assert message is not None, f"{topic} has no record up to {left}"
            assert message.error() is None, message.error()
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            if offset + 1 >= left.get(partition, 0):
                left.pop(partition, None)
            raw: Any = message.headers() or []
            yield Lying(topic, partition, offset, _bytes(message.key()), _bytes(message.value()), list(raw))


def _consumer(stack: LocalStack) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": stack.kafka,
            "group.id": f"lying-{uuid.uuid4()}",
            "fetch.message.max.bytes": RECORD_BYTES_MAX,
            "fetch.wait.max.ms": 50,
            "enable.auto.commit": False,
        }
    )


def _edges(consumer: Consumer, stack: LocalStack, word: str) -> list[tuple[int, int]]:
    topic = f"{stack.namespace}.{word}"
    partitions = sorted(consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic].partitions)
    return [consumer.get_watermark_offsets(TopicPartition(topic, one), timeout=_ANSWER_S) for one in partitions]


def _bytes(part: str | bytes | None) -> bytes | None:
    return part.encode() if isinstance(part, str) else part
