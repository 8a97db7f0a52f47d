"""The official answers that frames had when they were recorded, in a file: there may be more than memory holds."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, assert_never

import msgspec

from schemas.frames import Origin
from schemas.results import Answer
from sparring.kafka.records import RecordStream
from sparring.replay.frame import ReplayFrame
from sparring.replay.journal import transaction
from sparring.replay.source import DatasetFrames, DeadLetters, Files, FrameSource, SelectedFrames, TopicRange
from sparring.replay.topic_frames import frames_of_letters
from sparring.system.connection import Connection

SLACK_MS: Final = 60_000
"""By how much the clocks of a producer, a broker and a model process may differ."""

_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS recorded (place TEXT PRIMARY KEY, answer BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS whole (yes INTEGER PRIMARY KEY);
"""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """An answer as it lies in the file."""

    key: bytes
    value: bytes
    text: dict[str, str]


_KEPT: Final = msgspec.msgpack.Decoder(_Kept)


def _kept(answer: Answer) -> bytes:
    return msgspec.msgpack.encode(_Kept(answer.key, answer.value, answer.text_headers()))


class RecordedAnswers:
    """One file of answers, by their frames' places; a context manager, for one thread."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)

    @property
    def is_whole(self) -> bool:
        """Whether `keep` has finished."""
        return self._db.execute("SELECT 1 FROM whole").fetchone() is not None

    def keep(self, answers: Iterable[Answer]) -> None:
        """Keep these, the first of each frame. OSError where the file cannot be written."""
        with transaction(self._db) as db:
            rows = ((one.frame, _kept(one)) for one in answers)
            db.executemany("INSERT OR IGNORE INTO recorded VALUES (?, ?)", rows)
            db.execute("INSERT INTO whole VALUES (1)")

    def get(self, place: str) -> Answer | None:
        """The official answer that the frame at this place had."""
        found = self._db.execute("SELECT answer FROM recorded WHERE place = ?", (place,)).fetchone()
        if found is None:
            return None
        kept = _KEPT.decode(found[0])
        return Answer.from_text(kept.key, kept.value, kept.text)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def official_answers(
    connection: Connection,
    source: FrameSource,
    since: int | None,
    watched: Callable[[Iterator[Any]], Iterator[Any]] = iter,
) -> Iterator[Answer]:
    """The official answers of the source's frames, as they stand on `results`: a frame may have several.

    Args:
        connection: where the frames were answered.
        source: whose frames.
        since: the first frame's time, Unix milliseconds; None: not known, and all of `results` is read.
        watched: is given the records, whosever they are, and gives them on: for progress.

    Raises:
        ConnectionError: the broker does not answer.
    """
    is_wanted = _places(connection, source)
    if is_wanted is None:
        return
    with RecordStream(
        connection.broker, connection.topics.results, None if since is None else max(0, since - SLACK_MS)
    ) as records:
        for record in watched(records):
            try:
                answer = Answer.from_record(record.key, record.value or b"", list(record.headers))
                origin = Origin.parse(answer.frame)
            except ValueError:
                continue  # anyone may write to a topic that is not protected
            if answer.official and is_wanted(origin):
                yield answer


def _places(connection: Connection, source: FrameSource) -> Callable[[Origin], bool] | None:
    """Whether a frame is one of the source's; None where none of them was ever answered."""
    match source:
        case TopicRange(topic=topic, reaches=reaches):
            spans = {one.partition: (one.begin, one.end) for one in reaches}

            def inside(origin: Origin) -> bool:
                begin, end = spans.get(origin.partition, (0, 0))
                return origin.topic == topic and begin <= origin.offset < end

            return inside
        case SelectedFrames(topic=topic, offsets=offsets):
            named = {partition: frozenset(some) for partition, some in offsets.items()}
            return lambda origin: origin.topic == topic and origin.offset in named.get(origin.partition, frozenset())
        case DeadLetters():
            refused = {one.origin for one in frames_of_letters(connection, source) if isinstance(one, ReplayFrame)}
            return lambda origin: origin in refused
        case Files() | DatasetFrames():
            return None
        case _:
            assert_never(source)
