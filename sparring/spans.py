"""What of each partition is read: from which offset to which. Settled by asking the broker once."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kafka import TopicPartition

_ANSWER_MS_MAX: Final = 10_000
"""For each question to the broker."""


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of one partition. begin: the first; end: the first that is not wanted, infinite where none is."""

    begin: int
    end: float = math.inf


Spans = Mapping[TopicPartition, Span]


def places_of(consumer: Any, topic: str) -> list[TopicPartition]:
    """The topic's partitions; none where there is no such topic."""
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def first_offsets(consumer: Any, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """Where each partition begins now. KafkaError where nobody answers; so do those below."""
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
) -> dict[TopicPartition, Span]:
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
        return {place: Span(begin) for place, begin in begins.items()}
    lasts = ends if until is None else offsets_at(consumer, ends, until)
    return {place: Span(begin, max(begin, lasts[place])) for place, begin in begins.items()}


def checked_spans(consumer: Any, wanted: Spans) -> dict[TopicPartition, Span]:
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
        spans[place] = Span(span.begin, end)
    return spans
