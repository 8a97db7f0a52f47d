"""The frames that answers came from, fetched from their topic while it still has them."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from schemas.frames import Origin, RawHeaders
from sparring.broker import Broker

_FETCH_BYTES: Final = 256 * 1024
"""Asked for at once; a larger frame comes all the same, but alone."""

_WITHIN_S: Final = 10.0
_POLL_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Original:
    """A frame as its producer sent it."""

    key: bytes | None
    value: bytes
    headers: RawHeaders


def fetch(broker: Broker, origins: Iterable[Origin]) -> dict[Origin, Original]:
    """The frames at these places. One that is absent from the answer is no longer in its topic.

    Raises:
        ConnectionError: the broker does not answer in time.
    """
    wanted: dict[tuple[str, int], list[Origin]] = defaultdict(list)
    for origin in set(origins):
        wanted[origin.topic, origin.partition].append(origin)
    found: dict[Origin, Original] = {}
    with contextlib.closing(broker.consumer(wanted, _FETCH_BYTES)) as consumer:
        for (topic, partition), places in wanted.items():
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            try:
                first = consumer.beginning_offsets([place], timeout_ms=int(_WITHIN_S * 1000))[place]
                end = consumer.end_offsets([place], timeout_ms=int(_WITHIN_S * 1000))[place]
                for origin in sorted(places, key=lambda one: one.offset):
                    if first <= origin.offset < end and (original := _read(consumer, place, origin)) is not None:
                        found[origin] = original
            except KafkaError as error:
                raise ConnectionError(f"{topic} on {broker.kafka}: no answer: {error!r}") from error
    return found


def _read(consumer: Any, place: TopicPartition, origin: Origin) -> Original | None:
    """One record; None where the topic skips its offset."""
    consumer.seek(place, origin.offset)
    deadline_s = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline_s:
        for record in consumer.poll(timeout_ms=_POLL_MS, max_records=1).get(place, []):
            if record.offset > origin.offset:
                return None
            return Original(record.key, record.value or b"", list(record.headers))
    raise ConnectionError(f"{origin}: no answer within {_WITHIN_S:g} s")
