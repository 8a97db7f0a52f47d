"""Follows the catalog topic. Single-threaded: whoever owns it calls `refresh` between its own steps."""

import time

from adapters.kafka import Reader
from schemas.catalog import Catalog, decode_record
from schemas.errors import RetryLater
from schemas.limits import CATALOG_REFRESH_S


class CatalogReader:
    """The catalog as of the last `refresh`, and when its end was last confirmed."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._reader = Reader(kafka, topic)
        self._topic = topic
        self.catalog = Catalog()
        self._confirmed_s = float("-inf")

    def refresh(self, within_s: float = 10.0) -> None:
        """Read up to the topic's present end. RetryLater where the broker does not answer in time."""
        asked_s = time.monotonic()
        deadline_s = asked_s + within_s
        end = self._reader.end(within_s)
        while self.catalog.offset < end:
            record = self._reader.read(max(0.0, deadline_s - time.monotonic()))
            if record is not None and record.value is not None:
                self.catalog.apply(record.offset, record.timestamp, decode_record(record.value))
            elif time.monotonic() > deadline_s:
                raise RetryLater(f"{self._topic}: offset {self.catalog.offset} of {end} after {within_s} s")
        self._confirmed_s = asked_s

    def refresh_when_due(self, every_s: float = CATALOG_REFRESH_S) -> bool:
        """Refresh if the last one is `every_s` ago. A silent broker is no error here: `age_s` grows.
        Returns whether the catalog has new records."""
        if self.age_s < every_s:
            return False
        before = self.catalog.offset
        try:
            self.refresh(within_s=1.0)
        except RetryLater:
            return self.catalog.offset > before
        return self.catalog.offset > before

    @property
    def age_s(self) -> float:
        """Seconds since the catalog's end was last known for certain."""
        return time.monotonic() - self._confirmed_s

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
