"""Dead letters: refused frames, unchanged. Listed by time, and sent again as new frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from uuid import UUID, uuid4, uuid5

from schemas.errors import FrameTooLarge
from schemas.frames import Frame, Origin, RawHeaders
from schemas.names import PipelineName
from schemas.results import left_out
from sparring.frames.headers import check_sizes
from sparring.kafka.records import RecordStream
from sparring.system.connection import Connection

REPLAY_OF: Final = "replay-of"
"""Header of a frame that is sent again: the request id that it had before."""

_SENT_AGAIN: Final = UUID("8c1f4b5e-4b0b-4d3a-9a53-3d1f0f6f2a77")
"""Of the request ids that resent frames get."""

_WHY: Final = ("error", "message", "stage", "attempts", "frame")
"""What a dead letter's headers say beside the frame's own; the last of each name counts."""

_DROPPED: Final = ("request-id", "deadline", "traceparent", "slip", REPLAY_OF)
"""Of the frame's own headers, what a resent frame must not have again: it is another request, with time."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """place: its own, `topic/partition/offset`; frame: the refused frame's. at: Unix milliseconds. request_id: as in
    the frame's answer, also where its producer gave none. headers: the frame's own. left_out_bytes: size of a frame
    that was too large to be kept; then there are neither its bytes nor its headers."""

    place: str
    at: int
    request_id: str
    pipeline: str
    error: str
    message: str
    stage: str
    attempts: str
    frame: str
    key: bytes | None
    value: bytes
    headers: RawHeaders
    left_out_bytes: int | None = None

    @property
    def replay_of(self) -> str | None:
        """The request id that a frame had before it was sent again."""
        values = [value for name, value in self.headers if name == REPLAY_OF and value is not None]
        return values[-1].decode(errors="replace") if values else None

    @property
    def pipeline_name(self) -> PipelineName | None:
        """None where its header names none."""
        try:
            return PipelineName.parse(self.pipeline)
        except ValueError:
            return None

    def without_bytes(self) -> Self:
        """A compact form, to keep many."""
        return replace(self, value=b"", headers=[pair for pair in self.headers if pair[0] == REPLAY_OF])

    @classmethod
    def from_record(cls, record: Any, topic_id: str) -> Self | None:
        """None for a record that is no dead letter: anyone may write to a topic that is not protected.

        topic_id: the broker's id of the topic `frames`, of which request ids are made.
        """
        headers: RawHeaders = list(record.headers)
        text = {name: value.decode(errors="replace") for name, value in headers if value is not None}
        if not all(name in text for name in _WHY):
            return None
        was = left_out(headers)
        try:
            origin = Origin.parse(text["frame"])
        except ValueError:
            return None
        own, value = _own(headers), record.value or b""
        return cls(
            place=f"{record.topic}/{record.partition}/{record.offset}",
            at=record.timestamp,
            request_id=Frame(record.key, value, tuple(own), origin, record.timestamp, topic_id).request_id,
            pipeline=text.get("pipeline", ""),
            **{name: text[name] for name in _WHY},
            key=record.key,
            value=value,
            headers=own if was is None else [],
            left_out_bytes=None if was is None else was[0],
        )


def read_dead_letters(connection: Connection, since: int | None, until: int | None = None) -> Iterator[DeadLetter]:
    """Those written from `since` until before `until` (Unix milliseconds), in the order of time; None: all that the
    topic holds, on that side.

    Raises:
        ConnectionError: Kafka does not answer.
    """
    topic_id = connection.broker.topic_id(connection.topics.frames)
    with RecordStream(connection.broker, connection.topics.deadletters, since, until) as records:
        for record in records:
            if (letter := DeadLetter.from_record(record, topic_id)) is not None:
                yield letter


def once_each(letters: Iterable[DeadLetter]) -> set[str]:
    """Their places, one for each frame; without those of frames that were sent again and refused again, whose newer
    letter counts."""
    newest = {letter.frame: letter.without_bytes() for letter in letters}
    again = {replay_of for letter in newest.values() if (replay_of := letter.replay_of) is not None}
    # An earlier version named the frame's place where its producer had given no request id.
    return {letter.place for letter in newest.values() if not again & {letter.request_id, letter.frame}}


def resent_id(letter: DeadLetter, pipeline: PipelineName | None = None) -> str:
    """The request id of a frame that is sent again: the same one each time it is sent to the same pipeline, so that
    what was broken off in the middle can be done again, and is still one request. Pure."""
    sent_to = pipeline or letter.pipeline_name or letter.pipeline
    return str(uuid5(_SENT_AGAIN, f"{letter.request_id} {letter.frame} {sent_to}"))


def was_answered(connection: Connection, request_id: str) -> bool:
    """Whether Redis has an answer of a request. RetryLater where it does not say."""
    return bool(connection.answers.pipelines(request_id))


def resend(
    connection: Connection, letter: DeadLetter, pipeline: PipelineName | None = None, *, anew: bool = False
) -> str:
    """Send the frame again, to another pipeline if one is named; returns its new request id.

    It is a frame like any other: same key, bytes and headers, a new request id, and the old one in `replay-of`.

    Args:
        connection: where the system is.
        letter: whose frame.
        pipeline: where to; None: the frame's own.
        anew: with a request id that nobody had, though it may have been sent again before; False: `resent_id`.

    Raises:
        FrameTooLarge: it is above the limit, or was: nothing was sent.
        ConnectionError: the broker did not confirm it.
    """
    if letter.left_out_bytes is not None:
        raise FrameTooLarge(
            f"the frame had {letter.left_out_bytes} bytes, and its dead letter does not hold them; they lie at "
            f"{letter.frame} for a day: send them smaller"
        )
    request_id = str(uuid4()) if anew else resent_id(letter, pipeline)
    kept = [(name, value) for name, value in letter.headers if name not in _DROPPED]
    if pipeline is not None:
        kept = [(name, value) for name, value in kept if name != "pipeline"]
        kept.append(("pipeline", str(pipeline).encode()))
    headers = [*kept, ("request-id", request_id.encode()), (REPLAY_OF, letter.request_id.encode())]
    check_sizes(letter.value, letter.key, headers)
    connection.broker.send(connection.topics.frames, letter.value, letter.key, headers)
    return request_id


def _own(headers: RawHeaders) -> RawHeaders:
    """The frame's headers: without the last of each name that carries the reason."""
    left = list(_WHY)
    own = []
    for name, value in reversed(headers):
        if name in left:
            left.remove(name)
        else:
            own.append((name, value))
    return own[::-1]
