"""Follows the catalog topic. Single-threaded: its owner calls it between its own steps."""

import logging
import time
from contextlib import suppress

from adapters.brokers import Brokers
from adapters.kafka.reader import Reader
from adapters.kafka.record import Record
from schemas.catalog import Catalog, decode_record
from schemas.errors import RetryLater

log = logging.getLogger(__name__)


class CatalogReader:
    """The catalog as of the last `refresh`, and when its end was last confirmed."""

    def __init__(self, kafka: Brokers, topic: str) -> None:
        self._reader = Reader(kafka, topic)
        self._topic = topic
        self.catalog = Catalog()
        self._confirmed_s = float("-inf")

    def follow(self) -> None:
        """Take in what has arrived, without asking or waiting: the broker sends new records at once."""
        while (record := self._reader.read(0.0)) is not None:
            self._apply(record)

    def refresh(self, within_s: float = 10.0) -> None:
        """Read up to the topic's present end. RetryLater where the broker does not answer in time."""
        asked_s = time.monotonic()
        deadline_s = asked_s + within_s
        end = self._reader.end(within_s)
        while self.catalog.offset < end:
            record = self._reader.read(max(0.0, deadline_s - time.monotonic()))
            if record is not None:
                self._apply(record)
            elif time.monotonic() > deadline_s:
                raise RetryLater(f"{self._topic}: offset {self.catalog.offset} of {end} after {within_s} s")
        self._confirmed_s = asked_s

    def confirm(self, every_s: float) -> None:
        """Ask the broker for the catalog's end, unless that was done within `every_s`, and read up to it.
        A silent broker is no error here: `age_s` grows."""
        if self.age_s < every_s:
            return
        with suppress(RetryLater):
            self.refresh(within_s=1.0)

    def _apply(self, record: Record) -> None:
        try:
            known = decode_record(record.value or b"")
        except ValueError as error:
            # Skip the record and log an error: one record must not stop every service.
            log.error("catalog offset %d is no record known here: %s", record.offset, error)  # noqa: TRY400
            self.catalog.offset = record.offset + 1
        else:
            self.catalog.apply(record.offset, record.timestamp, known)

    @property
    def age_s(self) -> float:
        """Seconds since the catalog's end was last known for certain."""
        return time.monotonic() - self._confirmed_s

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
