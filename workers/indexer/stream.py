"""Faust, as the indexer needs it: it owns partitions, reads ahead, and keeps the acknowledged offsets.

Left to itself Faust acknowledges an event whose agent raised, and a batch of `take()` that was cancelled
while it waited for Redis. So the stream here acknowledges nothing; the indexer does, after the write.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import faust
from faust.types import EventT
from faust.types.auth import CredentialsT as Credentials

from adapters.brokers import Brokers
from adapters.settings import Settings
from schemas.frames import RawHeaders
from schemas.limits import SESSION_TIMEOUT_MS
from schemas.results import Answer
from schemas.topics import RECORD_BYTES_MAX

COMMIT_EVERY_S: Final = 0.5
_READ_AHEAD_RECORDS: Final = 16
_SAY_AGAIN_S: Final = 5.0

Event: TypeAlias = EventT[Any]
"""A record, with Faust's way to acknowledge it."""


class Seldom(logging.Filter):
    """Limits repeated messages of aiokafka: without a broker it logs 90 a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is worth a line."""
        if not record.name.startswith("aiokafka"):
            return True
        if record.created - self._said_s.get(record.msg, 0.0) < _SAY_AGAIN_S:
            return False
        self._said_s[record.msg] = record.created
        return True


def stream_app(settings: Settings, scratch: Path, put: Callable[[Event], Awaitable[None]]) -> faust.App:
    """An app that hands every record of `results` and `shadows` to `put`. Make it inside the event loop.

    scratch: an empty folder; Faust wants one even where there is no table.
    """
    topics = settings.topics
    app = faust.App(
        topics.indexer_group(),
        broker=[f"kafka://{server}" for server in settings.kafka.split(",")],
        broker_credentials=_credentials(settings.brokers),
        datadir=scratch,
        web_enabled=False,
        store="memory://",
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=RECORD_BYTES_MAX,
        broker_session_timeout=SESSION_TIMEOUT_MS / 1000,
        broker_heartbeat_interval=SESSION_TIMEOUT_MS / 4000,
        broker_request_timeout=30.0,
        broker_commit_interval=COMMIT_EVERY_S,
        stream_buffer_maxsize=_READ_AHEAD_RECORDS,
        # At its end it must not wait for events that are read but not written: Redis may be away.
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
    )
    both = app.topic(topics.results, topics.shadows, key_serializer="raw", value_serializer="raw")

    async def read(stream: Any) -> None:
        events: AsyncIterator[Event] = stream.noack().events()
        async for event in events:
            await put(event)

    app.agent(both)(read)
    return app


def _credentials(kafka: Brokers) -> Credentials | None:
    """Faust's credentials; None: plain sockets, no login."""
    if kafka.user:
        return faust.SASLCredentials(
            username=kafka.user, password=kafka.password, mechanism=kafka.mechanism, ssl_context=kafka.ssl_context()
        )
    return faust.SSLCredentials(kafka.ssl_context()) if kafka.tls else None


def receipt_of(event: Event) -> Callable[[], object]:
    """Acknowledges the event when it is called. It is kept for seconds, and holds none of the record's bytes."""
    message, consumer = event.message, event.app.consumer
    message.key = message.value = message.headers = None
    return lambda: message.ack(consumer)


def answer_in(event: Event) -> Answer:
    """The record's answer. ValueError where it is none."""
    message = event.message
    given: Any = message.headers or ()
    headers: RawHeaders = list(given.items() if isinstance(given, dict) else given)
    if message.value is None:
        raise ValueError("not an answer: the record has no value")
    return Answer.from_record(message.key, message.value, headers)
