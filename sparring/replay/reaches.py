"""A time, or offsets, of the topic `frames` as a source: exact for each partition, settled once."""

import contextlib
from collections.abc import Iterator, Mapping

from kafka import TopicPartition
from kafka.errors import KafkaError

from sparring.connection import Connection
from sparring.records import RecordStream
from sparring.replay.source import Reach, TopicRange
from sparring.spans import Span, Spans, checked_spans, places_of, spans_by_time


def by_time(connection: Connection, since: int, until: int | None, pipeline: str | None) -> TopicRange:
    """The frames from the first that is as young as `since` until before the first that is as young as `until`, in
    each partition. Unix milliseconds; until None: to the end as it is now.

    Raises:
        ConnectionError: the broker does not answer, or has no such topic.
    """
    topic = connection.topics.frames
    with contextlib.closing(connection.broker.consumer(())) as consumer, _asking(connection):
        spans = spans_by_time(consumer, places_of(consumer, topic), since, until, follow=False)
    return _range(topic, spans, pipeline)


def by_offsets(connection: Connection, wanted: Mapping[int, Span], pipeline: str | None) -> TopicRange:
    """The frames at these offsets. ValueError where they are not all there; ConnectionError as above."""
    topic = connection.topics.frames
    with contextlib.closing(connection.broker.consumer(())) as consumer, _asking(connection):
        known = {place.partition for place in places_of(consumer, topic)}
        if strange := sorted(set(wanted) - known):
            raise ValueError(f"{topic} has no partition {strange[0]}; it has {', '.join(map(str, sorted(known)))}")
        spans = checked_spans(consumer, {TopicPartition(topic, number): span for number, span in wanted.items()})
    return _range(topic, spans, pipeline)


def begins_at(connection: Connection, source: TopicRange) -> int | None:
    """When the first frame that is there was produced, Unix milliseconds; None where it is no longer there, or none is.
    ConnectionError as above."""
    spans = {TopicPartition(source.topic, one.partition): Span(one.begin, one.end) for one in source.reaches}
    with RecordStream(connection.broker, source.topic, spans=spans) as records:
        first = next(records, None)
        return None if first is None or records.taken_gone() else int(first.timestamp)


def _range(topic: str, spans: Spans, pipeline: str | None) -> TopicRange:
    return TopicRange(
        topic, tuple(Reach(place.partition, span.begin, int(span.end)) for place, span in spans.items()), pipeline
    )


@contextlib.contextmanager
def _asking(connection: Connection) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise ConnectionError(
            f"{connection.topics.frames} on {connection.broker.kafka}: no answer: {error!r}"
        ) from error
