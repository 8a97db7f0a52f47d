"""Offset ranges of partitions: by time, by offsets, and their ends as the broker reports them.

A client's own idea of an end offset becomes stale. These functions and `Ends` request it from the broker.
"""

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError

from adapters.clock import now_ms
from sparring.kafka.broker import Broker

_ANSWER_MS_MAX: Final = 10_000
"""For each question to the broker."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets of one partition, from `begin` until before `end`, which may be infinite."""

    begin: int
    end: float = math.inf


Spans = Mapping[TopicPartition, OffsetRange]


def places_of(consumer: Any, topic: str) -> list[TopicPartition]:
    """The topic's partitions; none where there is no such topic."""
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def first_offsets(consumer: Any, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The first offset of each partition. Raises KafkaError where the broker does not answer; so do those below."""
    return dict(consumer.beginning_offsets(list(places), timeout_ms=_ANSWER_MS_MAX))


def end_offsets(consumer: Any, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """Where each partition ends now."""
    return dict(consumer.end_offsets(list(places), timeout_ms=_ANSWER_MS_MAX))


def offsets_at(consumer: Any, ends: Mapping[TopicPartition, int], unix_ms: int) -> dict[TopicPartition, int]:
    """The first record of each partition that is at least as young; its end where none is."""
    found = consumer.offsets_for_times(dict.fromkeys(ends, max(0, unix_ms)), timeout_ms=_ANSWER_MS_MAX)
    return {place: end if found.get(place) is None else found[place].offset for place, end in ends.items()}


def spans_by_time(
    consumer: Any, places: Iterable[TopicPartition], since: int | None, until: int | None = None, *, follow: bool
) -> dict[TopicPartition, OffsetRange]:
    """Where reading begins and ends, by time.

    Args:
        consumer: whom to ask by.
        places: the partitions.
        since: Unix milliseconds. None: from the beginning, or, with follow, from now on.
        until: Unix milliseconds: each partition ends before its first record that is as young. None: to the end as
            it is now.
        follow: on and on; until is without meaning then.
    """
    ends = end_offsets(consumer, places)
    if since is not None:
        begins = offsets_at(consumer, ends, since)
    else:
        begins = ends if follow else first_offsets(consumer, ends)
    if follow:
        return {place: OffsetRange(begin) for place, begin in begins.items()}
    lasts = ends if until is None else offsets_at(consumer, ends, until)
    return {place: OffsetRange(begin, max(begin, lasts[place])) for place, begin in begins.items()}


def checked_spans(consumer: Any, wanted: Spans) -> dict[TopicPartition, OffsetRange]:
    """Offsets that somebody named, with an infinite end as it is now; ValueError where they are not all there."""
    firsts, ends = first_offsets(consumer, wanted), end_offsets(consumer, wanted)
    spans = {}
    for place, span in wanted.items():
        end = ends[place] if math.isinf(span.end) else span.end
        if not firsts[place] <= span.begin <= end <= ends[place]:
            raise ValueError(
                f"{place.topic}/{place.partition}: offsets {span.begin} to {end}; there are {firsts[place]} to "
                f"{ends[place]} (the first that is not yet there)"
            )
        spans[place] = OffsetRange(span.begin, end)
    return spans


ASK_EVERY_S: Final = 1.0
_SILENT_S_MAX: Final = 20.0
"""A broker that is silent for so long is lost, not slow. One request may take half of it."""

_CLOSE_MS_MAX: Final = 2_000


class Ends:
    """End offsets, requested on a connection of their own, which is opened at the first request: a reading connection
    may be in a long poll, and the broker's is shared. A connection without an answer is replaced, as in `Broker`.

    Args:
        broker: where the partitions are.
        places: the partitions.
        clock: seconds that only rise.
    """

    def __init__(self, broker: Broker, places: Sequence[TopicPartition], clock: Callable[[], float]) -> None:
        self._broker = broker
        self._places = places
        self._clock = clock
        self._asked_s = clock() - ASK_EVERY_S
        self._heard_s = clock()
        self._consumer: Any = None

    def ask(self, *, heard: bool) -> tuple[dict[TopicPartition, int], int] | None:
        """End offsets by partition, and the Unix time in ms of the request. None: the last request is recent, or the
        broker does not answer at present.

        heard: the broker has just answered another request. Without any answer, a lost broker looks like an idle topic.

        Raises:
            ConnectionError: the broker has been silent for too long.
        """
        now_s = self._clock()
        if heard:
            self._heard_s = now_s
        if now_s - self._asked_s < ASK_EVERY_S:
            return None
        self._asked_s, asked_ms = now_s, now_ms()
        try:
            consumer = self._consumer = self._consumer or self._broker.consumer(())
            ends = end_offsets(consumer, self._places)
        except (KafkaError, ConnectionError) as error:
            self.close()
            self._check_silence(error)
            return None
        self._heard_s = self._clock()
        return ends, asked_ms

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError):
                consumer.close(autocommit=False, timeout_ms=_CLOSE_MS_MAX)

    def _check_silence(self, error: Exception) -> None:
        silent_s = self._clock() - self._heard_s
        if silent_s > _SILENT_S_MAX:
            topics = ", ".join(sorted({place.topic for place in self._places}))
            raise ConnectionError(
                f"{topics} on {self._broker.kafka}: no answer for {silent_s:.0f} s: {error!r}"
            ) from error
