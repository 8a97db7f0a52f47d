"""A source becomes its frames, in an order that is the same whenever it is read, each with a number of its own."""

from collections.abc import Iterator
from typing import assert_never

from sparring.connection import Connection
from sparring.frames import frame_bytes_max
from sparring.replay.files import frames_of_files
from sparring.replay.frame import Reading
from sparring.replay.recordings import frames_of_letters, frames_on_topic
from sparring.replay.rows import frames_of_rows
from sparring.replay.source import Chosen, DeadLetters, Files, Rows, Source, TopicRange


def read_frames(connection: Connection, source: Source) -> Iterator[Reading]:
    """The source's frames, with those that cannot be read, are gone, or are others, in their places.

    Raises:
        ConnectionError: the broker does not answer.
        SparringError, OSError: the dataset cannot be read, or the store of files does not answer.
    """
    match source:
        case TopicRange() | Chosen():
            yield from frames_on_topic(connection, source)
        case DeadLetters():
            yield from frames_of_letters(connection, source)
        case Files(paths=paths):
            yield from frames_of_files(paths, frame_bytes_max(connection.settings.reference_store))
        case Rows():
            yield from frames_of_rows(source)
        case _:
            assert_never(source)
