"""Headers as the services read them, where kafka-python reads them otherwise.

Kafka takes any bytes as a header's name. For confluent-kafka, by which the router reads, a name ends at its first zero
byte; it cannot see what follows. kafka-python reads on, raises where the bytes are not UTF-8, and comes past such a
record never again. Here names end where the router's end. As in the services, a record is read without headers where
what is left of a name is not UTF-8; a frame that the router calls `BadHeader` looks here like one that never had any.
"""

import logging
from collections.abc import Iterator
from typing import Any, Final

from kafka.consumer.fetcher import Fetcher
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

log = logging.getLogger(__name__)

_END: Final = "\0"
_HEADERS_MAX: Final = 100_000
"""Above which librdkafka, by which the router reads, gives none."""


def read_past_them(consumer: Any) -> None:
    """Let this KafkaConsumer go on behind such records. There is no public way to."""
    consumer._fetcher.PartitionRecords = _PartitionRecords  # noqa: SLF001  # as said


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    def _unpack_records(self, tp: Any, records: MemoryRecords, *deserializers: Any) -> Any:
        return super()._unpack_records(tp, Records(records._buffer), *deserializers)  # noqa: SLF001  # as said


class Records(MemoryRecords):  # type: ignore[misc]  # as above
    """The batches of one answer of a broker."""

    def next_batch(self) -> Any:
        """As kafka-python's; None: there is no more."""
        batch = super().next_batch()
        return _Batch(batch._buffer) if isinstance(batch, DefaultRecordBatch) else batch  # noqa: SLF001  # as said


class _Batch(DefaultRecordBatch):  # type: ignore[misc]  # as above
    def _read_msg(self) -> Any:
        readable = True
        try:
            record = super()._read_msg()
        except UnicodeDecodeError:
            readable = self._made_readable()
            record = super()._read_msg()
        if not readable:
            return _without_headers(record, "the name of a header is not UTF-8")
        if len(record.headers) > _HEADERS_MAX:
            return _without_headers(record, f"{len(record.headers)} headers")
        if any(_END in name for name, _ in record.headers):
            record.headers[:] = [(name.partition(_END)[0], value) for name, value in record.headers]
        return record

    def _made_readable(self) -> bool:
        """Overwrite in place what kafka-python cannot decode of the names of the record at hand: what stands behind
        the first zero byte of each, or all of it. False where that was needed for one of them."""
        readable = True
        for begin, behind in self._names():
            name, end, rest = bytes(self._buffer[begin:behind]).partition(_END.encode())
            if not _is_text(name):
                readable, name = False, b"?" * len(name)
            self._buffer[begin:behind] = name + end + b"?" * len(rest)
        return readable

    def _names(self) -> Iterator[tuple[int, int]]:
        """Where each name of a header of the record at hand begins and ends."""
        at = self._pos
        for _ in ("length", "attributes", "timestamp", "offset"):
            _, at = decode_varint(self._buffer, at)
        for _ in ("key", "value"):
            at = self._behind(at)
        count, at = decode_varint(self._buffer, at)
        for _ in range(count):
            behind = self._behind(at)
            _, begin = decode_varint(self._buffer, at)
            yield begin, behind
            at = self._behind(behind)

    def _behind(self, at: int) -> int:
        """Where the bytes end that begin here with their length."""
        size, begin = decode_varint(self._buffer, at)
        return int(begin + max(0, size))


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_headers(record: Any, why: str) -> Any:
    log.warning("offset %d: %s: it is read without headers", record.offset, why)
    record.headers.clear()
    return record
