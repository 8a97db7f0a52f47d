"""Dead letters: frames that were refused, as they came. Listed by time, and sent again as new frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import uuid4

from schemas.errors import FrameTooLarge
from schemas.frames import RawHeaders
from schemas.names import PipelineName
from schemas.results import left_out
from sparring.connection import Connection
from sparring.frames import check_sizes
from sparring.records import RecordStream

REPLAY_OF: Final = "replay-of"
"""Header of a frame that is sent again: the request id that it had before."""

_WHY: Final = ("error", "message", "stage", "attempts", "frame")
"""What a dead letter's headers say beside the frame's own; the last of each name counts."""

_DROPPED: Final = ("request-id", "deadline", "traceparent", "slip", REPLAY_OF)
"""Of the frame's own headers, what a resent frame must not have again: it is another request, with time."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """place: its own, `topic/partition/offset`; frame: the refused frame's. at: Unix milliseconds. headers: the
    frame's own. left_out_bytes: size of a frame that was too large to be kept; then there are neither its bytes nor
    its headers."""

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

    @classmethod
    def from_record(cls, record: Any) -> Self | None:
        """None for a record that is no dead letter: anyone may write to a topic that is not protected."""
        headers: RawHeaders = list(record.headers)
        text = {name: value.decode(errors="replace") for name, value in headers if value is not None}
        if not all(name in text for name in _WHY):
            return None
        was = left_out(headers)
        return cls(
            place=f"{record.topic}/{record.partition}/{record.offset}",
            at=record.timestamp,
            request_id=text.get("request-id", ""),
            pipeline=text.get("pipeline", ""),
            **{name: text[name] for name in _WHY},
            key=record.key,
            value=record.value or b"",
            headers=_own(headers) if was is None else [],
            left_out_bytes=None if was is None else was[0],
        )


def read_dead_letters(connection: Connection, since: int | None) -> Iterator[DeadLetter]:
    """Those written from `since` (Unix milliseconds) on, in the order of time; None: all that the topic holds.

    Raises:
        ConnectionError: Kafka does not answer.
    """
    with RecordStream(connection.broker, connection.topics.deadletters, since) as records:
        for record in records:
            if (letter := DeadLetter.from_record(record)) is not None:
                yield letter


def once_each(letters: Iterable[DeadLetter]) -> set[str]:
    """Their places, one for each frame; without those of frames that were sent again and refused again, whose newer
    letter counts."""
    newest = {letter.frame: letter for letter in letters}
    again = {replay_of for letter in newest.values() if (replay_of := letter.replay_of) is not None}
    return {letter.place for letter in newest.values() if letter.request_id not in again}


def resend(connection: Connection, letter: DeadLetter, pipeline: PipelineName | None = None) -> str:
    """Send the frame again, to another pipeline if one is named; returns its new request id.

    It is a frame like any other: same key, bytes and headers, a new request id, and the old one in `replay-of`.

    Raises:
        FrameTooLarge: it is above the limit, or was: nothing was sent.
        ConnectionError: the broker did not confirm it.
    """
    if letter.left_out_bytes is not None:
        raise FrameTooLarge(
            f"the frame had {letter.left_out_bytes} bytes, and its dead letter does not hold them; they lie at "
            f"{letter.frame} for a day: send them smaller"
        )
    request_id = str(uuid4())
    kept = [(name, value) for name, value in letter.headers if name not in _DROPPED]
    if pipeline is not None:
        kept = [(name, value) for name, value in kept if name != "pipeline"]
        kept.append(("pipeline", str(pipeline).encode()))
    before = letter.request_id or letter.frame
    headers = [*kept, ("request-id", request_id.encode()), (REPLAY_OF, before.encode())]
    check_sizes(letter.value, letter.key, headers)
    connection.broker.send(connection.topics.frames, letter.value, letter.key, headers)
    return request_id


def _own(headers: RawHeaders) -> RawHeaders:
    """The frame's headers: without the last of each name that says why."""
    left = list(_WHY)
    own = []
    for name, value in reversed(headers):
        if name in left:
            left.remove(name)
        else:
            own.append((name, value))
    return own[::-1]
