"""A source becomes its frames, in an order that is the same whenever it is read, each with a number of its own."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, assert_never

from kafka import TopicPartition

from schemas.errors import FrameTooLarge, Refused
from schemas.frames import Frame, Origin, RawHeaders
from schemas.names import PipelineName
from sparring.connection import Connection
from sparring.dataset import Asked
from sparring.deadletters import REPLAY_OF, DeadLetter
from sparring.frames import frame_bytes_max
from sparring.originals import fetch_records
from sparring.records import RecordStream
from sparring.replay.frame import ReplayFrame
from sparring.replay.rows import frames_of_rows
from sparring.replay.source import Chosen, DeadLetters, Files, Rows, Source, TopicRange
from sparring.sources import frames_of
from sparring.sources.remote import fetched
from sparring.sources.store import is_remote, plain
from sparring.spans import Span

_DROPPED: Final = ("pipeline", "request-id", "deadline", "traceparent", REPLAY_OF)
"""Of a frame's own headers: it is another request, to a pipeline that is named anew, with time."""

_AT_ONCE: Final = 16
"""Frames that are fetched one by one: in memory together, 16 MiB each at most."""

_PARTITIONS_MAX: Final = 1 << 20


def read_frames(connection: Connection, source: Source) -> Iterator[ReplayFrame]:
    """The source's frames.

    Raises:
        ConnectionError: the broker does not answer.
        Refused, OSError: a file, or the dataset, cannot be read.
    """
    match source:
        case TopicRange() | Chosen():
            yield from map(_frame, recorded_frames(connection, source))
        case DeadLetters():
            topic_id = connection.broker.topic_id(connection.topics.frames)
            for record in _one_by_one(connection, source):
                if (letter := DeadLetter.from_record(record, topic_id)) is not None:
                    yield _of_letter(letter, _number(record.partition, record.offset))
        case Files(paths=paths):
            yield from _of_files(paths, frame_bytes_max(connection.settings.reference_store))
        case Rows():
            yield from frames_of_rows(source)
        case _:
            assert_never(source)


def recorded_frames(connection: Connection, source: TopicRange | Chosen) -> Iterator[Frame]:
    """Frames as they lie on their topic, headers and all. Errors as of `read_frames`."""
    topic_id = connection.broker.topic_id(source.topic)
    if isinstance(source, Chosen):
        yield from (_as_frame(record, topic_id) for record in _one_by_one(connection, source))
        return
    spans = {TopicPartition(source.topic, one.partition): Span(one.begin, one.end) for one in source.reaches}
    wanted = None if source.pipeline is None else PipelineName.parse(source.pipeline)
    with RecordStream(connection.broker, source.topic, spans=spans) as records:
        for record in records:
            frame = _as_frame(record, topic_id)
            if wanted is None or _pipeline(frame) == wanted:
                yield frame


def _one_by_one(connection: Connection, source: Chosen | DeadLetters) -> Iterator[Any]:
    """Records that are no longer on the topic are left out."""
    offsets = {partition: iter(some) for partition, some in source.offsets.items()}
    places = (Origin(source.topic, partition, next(offsets[partition])) for partition in source.turns)
    while some := list(islice(places, _AT_ONCE)):
        found = fetch_records(connection.broker, some)
        yield from (found[place] for place in some if place in found)


def _as_frame(record: Any, topic_id: str) -> Frame:
    place = Origin(record.topic, record.partition, record.offset)
    return Frame(record.key, record.value or b"", tuple(record.headers), place, record.timestamp, topic_id)


def _frame(frame: Frame) -> ReplayFrame:
    place = frame.origin
    return ReplayFrame(
        number=_number(place.partition, place.offset),
        asked=Asked(frame.request_id, str(place), frame.produced_at),
        key=frame.key,
        value=frame.value,
        headers=_carried(list(frame.headers)),
        request_id=frame.request_id,
        origin=place,
    )


def _of_letter(letter: DeadLetter, number: int) -> ReplayFrame:
    asked = Asked(letter.request_id, letter.frame, letter.at)
    headers = [(name, value) for name, value in _carried(letter.headers) if name != "slip"]
    origin = Origin.parse(letter.frame)
    return ReplayFrame(number, asked, letter.key, letter.value, headers, letter.request_id, origin)


def _of_files(paths: Sequence[str], bytes_max: int) -> Iterator[ReplayFrame]:
    number = 0
    for named in paths:
        name = plain(named) if is_remote(named) else named
        with _here(named, bytes_max) as (path, at), _naming(name):
            for sendable in frames_of(path, bytes_max, name):
                asked = Asked(sendable.name, sendable.name, at + sendable.after_ms)
                headers: RawHeaders = [("content-type", sendable.content_type.encode())]
                yield ReplayFrame(number, asked, None, sendable.value, headers)
                number += 1


def _here(named: str, bytes_max: int) -> contextlib.AbstractContextManager[tuple[Path, int]]:
    """A file on this machine's disk, and when it was last changed, Unix milliseconds."""
    if is_remote(named):
        return fetched(named, bytes_max)
    return contextlib.nullcontext((Path(named), int(Path(named).stat().st_mtime * 1000)))


@contextlib.contextmanager
def _naming(named: str) -> Iterator[None]:
    """Of many files, the one that is no frame."""
    try:
        yield
    except Refused as error:
        raise Refused(error.error, f"{named}: {error.message}", "read") from error
    except FrameTooLarge as error:
        raise FrameTooLarge(f"{named}: {error}") from error


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
