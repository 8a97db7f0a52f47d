"""The catalog and the live processes, kept up to date by one thread.

Readers get the catalog as a snapshot that never changes. Nothing is decided here, nothing sent.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from kafka.errors import KafkaError

from schemas.catalog import Catalog, decode_record
from schemas.limits import PRESENCE_DEAD_S
from schemas.presence import Beat, Living, decode_beat
from schemas.topics import TopicNames
from sparring.kafka.broker import Broker

T = TypeVar("T")

log = logging.getLogger(__name__)

READ_S_MAX: Final = 10.0
_POLL_MS: Final = 200
_LOOK_AGAIN_S: Final = PRESENCE_DEAD_S / 10
"""A process that ends sends no record: waits for it check again after this."""


class Follower:
    """Follows the topics catalog and presence. Call `close` at the end."""

    def __init__(self, broker: Broker, topics: TopicNames) -> None:
        self._broker = broker
        self._topics = topics
        self._consumer: Any = broker.consumer([(topics.catalog, 0), (topics.presence, 0)])
        self._changed = threading.Condition()
        self._catalog = Catalog()
        self._living = Living()
        self._presence_offset = 0
        self._presence_end = broker.end(topics.presence)
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sparring-follower", daemon=True)
        self._thread.start()
        self.confirmed()
        self.wait_for(self._presence_is_read, READ_S_MAX)

    @property
    def catalog(self) -> Catalog:
        """The catalog as far as it is read."""
        return self._catalog

    def confirmed(self, within_s: float = READ_S_MAX) -> Catalog:
        """The catalog with everything that anyone had appended before this call.

        Raises:
            ConnectionError: when it could not be read in time.
        """
        return self.read_to(self._broker.end(self._topics.catalog), within_s)

    def read_to(self, offset: int, within_s: float = READ_S_MAX) -> Catalog:
        """The catalog with everything before `offset`; ConnectionError when that takes too long."""
        if not self.wait_for(lambda: self._catalog.offset >= offset, within_s):
            raise ConnectionError(
                f"{self._topics.catalog} on {self._broker.kafka}: offset {self._catalog.offset} of {offset} "
                f"after {within_s:g} s"
            )
        return self._catalog

    def alive(self) -> list[Beat]:
        """Beats of the processes that are alive now."""
        with self._changed:
            return list(self._living.alive(time.monotonic()))

    def wait_for(self, predicate: Callable[[], T], within_s: float) -> T:
        """The first true value of `predicate`, called again after each change; its last value after
        `within_s`."""
        deadline_s = time.monotonic() + within_s
        with self._changed:
            while True:
                answer = predicate()
                left_s = deadline_s - time.monotonic()
                if answer or left_s <= 0:
                    return answer
                if self._failure is not None:
                    raise ConnectionError(f"the catalog cannot be read: {self._failure}") from self._failure
                self._changed.wait(min(left_s, _LOOK_AGAIN_S))

    def close(self) -> None:
        """Stop reading."""
        self._stopping.set()
        self._thread.join(READ_S_MAX)

    def _presence_is_read(self) -> bool:
        return self._presence_offset >= self._presence_end

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._note(self._consumer.poll(timeout_ms=_POLL_MS))
        except KafkaError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            self._consumer.close()

    def _note(self, polled: dict[Any, list[Any]]) -> None:
        with self._changed:
            catalog: Catalog | None = None
            for place, records in polled.items():
                for record in records:
                    if place.topic == self._topics.presence:
                        self._note_beat(record)
                    else:
                        catalog = catalog or snapshot(self._catalog)
                        apply(catalog, record)
            self._catalog = catalog or self._catalog
            self._changed.notify_all()

    def _note_beat(self, record: Any) -> None:
        # Compaction leaves gaps, but never takes a topic's last record.
        self._presence_offset = record.offset + 1
        try:
            beat = None if record.value is None else decode_beat(record.value)
            whose = (record.key or b"").decode()
        except ValueError as error:
            log.warning("presence offset %d is no beat known here: %s", record.offset, error)
            return
        catching_up = record.offset < self._presence_end
        age_s = time.time() - record.timestamp / 1000 if catching_up else 0.0
        self._living.note(whose, beat, time.monotonic(), age_s)


def apply(catalog: Catalog, record: Any) -> None:
    """Fold a Kafka record in. One that is unknown here, of a newer sparring, is void for this client."""
    try:
        known = decode_record(record.value or b"")
    except ValueError as error:
        log.warning("catalog offset %d is no record known here: %s", record.offset, error)
        catalog.offset = record.offset + 1
    else:
        catalog.apply(record.offset, record.timestamp, known)


def snapshot(catalog: Catalog) -> Catalog:
    """A copy that can be folded further without changing the original."""
    return Catalog(
        offset=catalog.offset,
        workspaces=dict(catalog.workspaces),
        models=dict(catalog.models),
        configurations=dict(catalog.configurations),
        pipelines={name: pipeline.copy() for name, pipeline in catalog.pipelines.items()},
    )
