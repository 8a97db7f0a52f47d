"""Presence: a service's heartbeats on the presence topic, and a reader of all live processes."""

import logging
import secrets
import socket
import time
from typing import Final

import msgspec
import psutil

from adapters.brokers import Brokers
from adapters.clock import now_ms
from adapters.kafka.confirming_producer import ConfirmingProducer, DeliveryError
from adapters.kafka.reader import Reader
from adapters.kafka.record import Record
from schemas.errors import RetryLater
from schemas.limits import BEAT_S, PRESENCE_DEAD_S
from schemas.presence import Beat, Living, ProcessKind, decode_beat, encode_beat


def process_id(kind: ProcessKind) -> str:
    """A new id for this start of this process."""
    return f"{kind}-{socket.gethostname()}-{secrets.token_hex(4)}"


log = logging.getLogger(__name__)

CATCH_UP_S: Final = 10.0


class Heartbeat:
    """Sends a heartbeat once a second, and at once after a change."""

    def __init__(self, kafka: Brokers, topic: str, kind: ProcessKind, metrics_port: int = 0) -> None:
        self._producer = ConfirmingProducer(kafka)
        self._topic = topic
        self._memory = psutil.Process()
        self._last_s = float("-inf")
        self._heard_s = time.monotonic()
        self._last = Beat(
            process=process_id(kind),
            kind=kind,
            host=socket.gethostname(),
            pid=self._memory.pid,
            started_at=now_ms(),
            catalog_offset=0,
            memory_bytes=0,
            metrics_port=metrics_port,
        )

    @property
    def process(self) -> str:
        """This process's id."""
        return self._last.process

    def beat(self, **what: object) -> None:
        """Send a heartbeat if a second has passed, or if `what` (fields of Beat) differs from the last one."""
        beat = msgspec.structs.replace(self._last, **what)
        if beat == self._last and time.monotonic() - self._last_s < BEAT_S:
            return
        self._last = msgspec.structs.replace(beat, memory_bytes=self._memory.memory_info().rss)
        self._last_s = time.monotonic()
        self._send(self.process, encode_beat(self._last))

    def bury(self, process: str) -> None:
        """Say that another process is gone: a host does, for a child that died."""
        self._send(process, None)

    def stop(self) -> None:
        """Leave: the tombstone is confirmed before this returns."""
        self.bury(self.process)
        self._producer.flush(within_s=5.0)

    def silence(self) -> tuple[str, ...]:
        """The text of /ready where Kafka has confirmed no heartbeat for so long that other processes count this one as
        dead."""
        return ("Kafka to confirm its beats",) if time.monotonic() - self._heard_s > PRESENCE_DEAD_S else ()

    def _delivered(self, error: DeliveryError | None) -> None:
        if error is None:
            self._heard_s = time.monotonic()

    def _send(self, process: str, value: bytes | None) -> None:
        # A beat that is not delivered is followed by the next one: its loss is no failure.
        self._producer.send(self._topic, process.encode(), value, [], on_delivery=self._delivered)
        self._producer.poll()


class PresenceReader:
    """The live processes. Single-threaded: its owner calls `alive` between its own steps."""

    def __init__(self, kafka: Brokers, topic: str) -> None:
        self._reader = Reader(kafka, topic)
        self._living = Living()
        self._end: int | None = None

    def alive(self) -> list[Beat]:
        """Beats of the processes that are alive now. The first call reads the whole topic."""
        if self._end is None:
            self._catch_up()
        while (record := self._reader.read(0.0)) is not None:
            self._note(record, age_s=0.0)
        return list(self._living.alive(time.monotonic()))

    def _catch_up(self) -> None:
        self._end = self._reader.end(within_s=CATCH_UP_S)
        deadline_s = time.monotonic() + CATCH_UP_S
        last = -1
        # A compacted topic has gaps, but never loses its last record.
        while last < self._end - 1:
            record = self._reader.read(max(0.0, deadline_s - time.monotonic()))
            if record is not None:
                last = record.offset
                self._note(record, age_s=(now_ms() - record.timestamp) / 1000)
            elif time.monotonic() > deadline_s:
                raise RetryLater(f"presence: offset {last + 1} of {self._end} after {CATCH_UP_S} s")

    def _note(self, record: Record, age_s: float) -> None:
        try:
            beat = None if record.value is None else decode_beat(record.value)
            who = (record.key or b"").decode()
        except ValueError as error:
            log.error("presence offset %d is no beat: %s", record.offset, error)  # noqa: TRY400
            return
        self._living.note(who, beat, time.monotonic(), age_s)

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
