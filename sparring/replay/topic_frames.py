"""Records of topics as frames: those of a range, those that were chosen, and those that dead letters hold."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from kafka import TopicPartition

from schemas.errors import Refused
from schemas.frames import Frame, Origin, RawHeaders
from schemas.names import PipelineName
from sparring.dataset.outputs import FrameFacts
from sparring.frames.fetch import fetch_records
from sparring.kafka.offsets import OffsetRange
from sparring.kafka.records import RecordStream
from sparring.operations.deadletters import REPLAY_OF, DeadLetter
from sparring.replay.frame import ExpiredFrames, FrameOfOtherPipeline, ReplayFrame, UnreadableFrame
from sparring.replay.source import DeadLetters, SelectedFrames, TopicRange
from sparring.system.connection import Connection

_DROPPED: Final = ("pipeline", "request-id", "deadline", "traceparent", REPLAY_OF)
"""Of a frame's own headers: it is another request, to a pipeline that is named anew, with time."""

_AT_ONCE: Final = 16
"""Frames that are fetched one by one: in memory together, 16 MiB each at most."""

_OTHERS: Final = FrameOfOtherPipeline()
_PARTITIONS_MAX: Final = 1 << 20


def frames_on_topic(
    connection: Connection, source: TopicRange | SelectedFrames
) -> Iterator[ReplayFrame | ExpiredFrames | FrameOfOtherPipeline]:
    """The frames, what retention took of them, and what lies between them: whoever reads hears of each record, also
    where few are wanted. ConnectionError where the broker does not answer; so below."""
    for found in _found(connection, source):
        yield _frame(found) if isinstance(found, Frame) else found


def recorded_frames(connection: Connection, source: TopicRange | SelectedFrames) -> Iterator[Frame]:
    """Those that are still there, as they lie on their topic, headers and all."""
    return (found for found in _found(connection, source) if isinstance(found, Frame))


def frames_of_letters(
    connection: Connection, source: DeadLetters
) -> Iterator[ReplayFrame | UnreadableFrame | ExpiredFrames]:
    """The frames that dead letters hold, under the request ids that they had."""
    topic_id = connection.broker.topic_id(connection.topics.frames)
    for record in _one_by_one(connection, source):
        if isinstance(record, ExpiredFrames):
            yield record
            continue
        number = _number(record.partition, record.offset)
        letter = DeadLetter.from_record(record, topic_id)
        if letter is None:
            place = Origin(record.topic, record.partition, record.offset)
            yield UnreadableFrame(
                number, f"{place}: no dead letter of this system; expected the headers of docs/contract.md"
            )
        elif letter.left_out_bytes is not None:
            yield UnreadableFrame(
                number, f"{letter.frame}: {letter.left_out_bytes} bytes, which its dead letter leaves out"
            )
        else:
            yield _frame(refused_frame(letter, topic_id), number)


def refused_frame(letter: DeadLetter, topic_id: str) -> Frame:
    """The frame that was refused, as it lay on its topic. Pure.

    When it was produced no letter says: it is as old as its refusal. topic_id: of the topic of frames.
    """
    headers = tuple((name, value) for name, value in letter.headers if name != "slip")
    return Frame(letter.key, letter.value, headers, Origin.parse(letter.frame), letter.at, topic_id)


def _found(
    connection: Connection, source: TopicRange | SelectedFrames
) -> Iterator[Frame | ExpiredFrames | FrameOfOtherPipeline]:
    topic_id = connection.broker.topic_id(source.topic)
    if isinstance(source, SelectedFrames):
        for record in _one_by_one(connection, source):
            yield record if isinstance(record, ExpiredFrames) else _as_frame(record, topic_id)
        return
    spans = {TopicPartition(source.topic, one.partition): OffsetRange(one.begin, one.end) for one in source.reaches}
    wanted = None if source.pipeline is None else PipelineName.parse(source.pipeline)
    with RecordStream(connection.broker, source.topic, spans=spans) as records:
        for record in records:
            yield from _gone(records)
            frame = _as_frame(record, topic_id)
            yield frame if wanted is None or _pipeline(frame) == wanted else _OTHERS
        yield from _gone(records)


def _gone(records: RecordStream) -> Iterator[ExpiredFrames]:
    for place, offsets in records.drain_expired():
        begin, end = (_number(place.partition, offset) for offset in (offsets.start, offsets.stop))
        yield ExpiredFrames(range(begin, end, _PARTITIONS_MAX))


def _one_by_one(connection: Connection, source: SelectedFrames | DeadLetters) -> Iterator[Any]:
    """The records, each `ExpiredFrames` that is no longer on the topic."""
    offsets = {partition: iter(some) for partition, some in source.offsets.items()}
    places = (Origin(source.topic, partition, next(offsets[partition])) for partition in source.turns)
    while some := list(islice(places, _AT_ONCE)):
        found = fetch_records(connection.broker, some)
        for place in some:
            number = _number(place.partition, place.offset)
            yield (
                found[place]
                if place in found
                else ExpiredFrames(range(number, number + _PARTITIONS_MAX, _PARTITIONS_MAX))
            )


def _as_frame(record: Any, topic_id: str) -> Frame:
    place = Origin(record.topic, record.partition, record.offset)
    return Frame(record.key, record.value or b"", tuple(record.headers), place, record.timestamp, topic_id)


def _frame(frame: Frame, number: int | None = None) -> ReplayFrame:
    """number: where it is not that of its place."""
    place = frame.origin
    return ReplayFrame(
        number=_number(place.partition, place.offset) if number is None else number,
        asked=FrameFacts(frame.request_id, str(place), frame.produced_at),
        key=frame.key,
        value=frame.value,
        headers=_carried(list(frame.headers)),
        request_id=frame.request_id,
        origin=place,
    )


def _carried(headers: RawHeaders) -> RawHeaders:
    return [(name, value) for name, value in headers if name not in _DROPPED]


def _number(partition: int, offset: int) -> int:
    """By the place, not by counting: what retention removes meanwhile must not shift the others."""
    return offset * _PARTITIONS_MAX + partition


def _pipeline(frame: Frame) -> PipelineName | None:
    try:
        return frame.pipeline
    except Refused:
        return None
