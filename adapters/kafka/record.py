"""A record as it was read, and what a group committed for a partition."""

from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message

from adapters.kafka.clients import warn
from schemas.errors import Refused
from schemas.frames import RawHeaders

_HEADERS_OF: Final = methodcaller("headers")
"""confluent-kafka gives a half-made list back although it has raised. Called from here CPython notices (SystemError);
called as `message.headers()` it does not any more once that line was run some times, and reads the list's holes.

A name ends at its first zero byte: the client passes names on as C strings, and nothing says what followed."""

TopicPartition = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read. timestamp: Unix milliseconds. headers_readable: False where the name of one is no
    text; the client gives none of them then, and `headers` is empty."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders
    headers_readable: bool = True

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def place(self) -> TopicPartition:
        """Topic and partition."""
        return (self.topic, self.partition)

    def check_headers(self) -> None:
        """Refused where they cannot be read."""
        if not self.headers_readable:
            raise Refused("BadHeader", "the name of a header is not UTF-8 text; expected UTF-8", "route")


@dataclass(frozen=True, slots=True)
class Committed:
    """What the group committed for a partition. offset None: nothing yet."""

    offset: int | None
    metadata: str


def record_of(message: Message) -> Record | None:
    """What a poll brought. None: an error that passes, which is logged.

    Raises:
        KafkaException: what does not pass: the client is broken, or may not read.
    """
    error = message.error()
    if error is not None:
        # A topic that does not exist yet may come: a model process may be started before its first deploy.
        if error.fatal() or error.code() in {
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.GROUP_AUTHORIZATION_FAILED,
        }:
            raise KafkaException(error)
        warn(error)
        return None
    topic: Any = message.topic()
    partition: Any = message.partition()
    offset: Any = message.offset()
    _kind, timestamp = message.timestamp()
    headers = _headers(message)
    key, value = message.key(), message.value()
    return Record(topic, partition, offset, timestamp, key, value, headers or [], headers is not None)


def _headers(message: Message) -> RawHeaders | None:
    """None where the name of one is not UTF-8: no client writes that, and any connection may."""
    try:
        raw: Any = _HEADERS_OF(message) or []
    except (UnicodeDecodeError, SystemError):
        return None
    return [(name, _bytes(value)) for name, value in raw]


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
