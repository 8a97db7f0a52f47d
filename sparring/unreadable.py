"""Records whose headers cannot be read, as kafka-python meets them.

Kafka takes any bytes as a header's name. kafka-python raises where they are not UTF-8, and comes past such a record
never again. As in the services, such a record is read here without headers; a frame that the router calls `BadHeader`
looks here like one that never had any.
"""

import logging
from typing import Any, Final

from kafka.consumer.fetcher import Fetcher
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

log = logging.getLogger(__name__)

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
        try:
            record = super()._read_msg()
        except UnicodeDecodeError:
            self._overwrite_names()
            return _without_headers(super()._read_msg(), "the name of a header is not UTF-8")
        if len(record.headers) > _HEADERS_MAX:
            return _without_headers(record, f"{len(record.headers)} headers")
        return record

    def _overwrite_names(self) -> None:
        """Of the record at hand: its headers' names, in place and with their lengths."""
        at = self._pos
        for _ in ("length", "attributes", "timestamp", "offset"):
            _, at = decode_varint(self._buffer, at)
        for _ in ("key", "value"):
            at = self._behind(at)
        count, at = decode_varint(self._buffer, at)
        for _ in range(count):
            behind = self._behind(at)
            size, begin = decode_varint(self._buffer, at)
            self._buffer[begin:behind] = b"?" * size
            at = self._behind(behind)

    def _behind(self, at: int) -> int:
        """Where the bytes end that begin here with their length."""
        size, begin = decode_varint(self._buffer, at)
        return int(begin + max(0, size))


def _without_headers(record: Any, why: str) -> Any:
    log.warning("offset %d: %s: it is read without headers", record.offset, why)
    record.headers.clear()
    return record
