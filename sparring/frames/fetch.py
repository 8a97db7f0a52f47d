"""The frames of answers, fetched from their topic while retention keeps them.

A frame that lies elsewhere is read only below this client's own roots: whoever sends a frame may name any file.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from adapters.settings import Settings
from adapters.storage.references import References
from schemas.errors import Refused, SparringError
from schemas.frames import Frame, Origin, RawHeaders, Reference
from sparring.kafka.broker import Broker

_FETCH_BYTES: Final = 256 * 1024
"""Bytes per fetch; a larger frame is fetched alone."""

_NOWHERE: Final = Origin("", 0, 0)
_WITHIN_S: Final = 10.0
_POLL_MS: Final = 500


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A frame as its producer sent it."""

    key: bytes | None
    value: bytes
    headers: RawHeaders

    @property
    def reference(self) -> Reference | None:
        """Where its bytes lie, if they are not its value."""
        try:
            return Frame(self.key, self.value, tuple(self.headers), _NOWHERE, 0, "").reference
        except Refused:
            return None  # as the model's process, which refused it


class ReferenceUnreadable(SparringError, LookupError):
    """This client may not read the referenced bytes, or they have changed; the message says which."""


def resolved(original: SourceFrame, settings: Settings) -> SourceFrame:
    """The frame with its bytes: as it is, or those that its reference leads to.

    Raises:
        Elsewhere: they cannot be read from here.
        RetryLater: their store does not answer.
    """
    reference = original.reference
    if reference is None:
        return original
    own = [settings.reference_store] if settings.reference_store else []
    try:
        value = References([*settings.reference_roots, *own]).read(reference)
    except Refused as refusal:
        raise ReferenceUnreadable(
            f"the frame lies elsewhere: {refusal.error}: {refusal.message}; this client reads below its own "
            "SPARRING_REFERENCE_ROOTS and SPARRING_REFERENCE_STORE"
        ) from None
    return replace(original, value=value)


def fetch(broker: Broker, origins: Iterable[Origin]) -> dict[Origin, SourceFrame]:
    """The frames at these places. One that is absent from the answer is no longer in its topic.

    Raises:
        ConnectionError: the broker does not answer in time.
    """
    records = fetch_records(broker, origins)
    return {place: SourceFrame(one.key, one.value or b"", list(one.headers)) for place, one in records.items()}


def fetch_records(broker: Broker, origins: Iterable[Origin]) -> dict[Origin, Any]:
    """The records at these places, of any topics. Absent ones and errors as in `fetch`."""
    wanted: dict[tuple[str, int], list[Origin]] = defaultdict(list)
    for origin in set(origins):
        wanted[origin.topic, origin.partition].append(origin)
    found: dict[Origin, Any] = {}
    with contextlib.closing(broker.consumer(wanted, _FETCH_BYTES)) as consumer:
        for (topic, partition), places in wanted.items():
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            try:
                first = consumer.beginning_offsets([place], timeout_ms=int(_WITHIN_S * 1000))[place]
                end = consumer.end_offsets([place], timeout_ms=int(_WITHIN_S * 1000))[place]
                for origin in sorted(places, key=lambda one: one.offset):
                    if first <= origin.offset < end and (record := _read(consumer, place, origin)) is not None:
                        found[origin] = record
            except KafkaError as error:
                raise ConnectionError(f"{topic} on {broker.kafka}: no answer: {error!r}") from error
    return found


def _read(consumer: Any, place: TopicPartition, origin: Origin) -> Any:
    """One record; None where the topic skips its offset: it was aborted, or is the marker of a transaction."""
    consumer.seek(place, origin.offset)
    deadline_s = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline_s:
        for record in consumer.poll(timeout_ms=_POLL_MS, max_records=1).get(place, []):
            return None if record.offset > origin.offset else record
        if (consumer.position(place, timeout_ms=int(_WITHIN_S * 1000)) or 0) > origin.offset:
            return None
    raise ConnectionError(f"{origin}: no answer within {_WITHIN_S:g} s")
