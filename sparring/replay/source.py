"""Which frames are replayed: a closed set of sources, each settled before the first frame is sent. Pure.

A source is kept in the journal as JSON, and names the same frames in the same order whenever it is read: a run that was
interrupted goes on by their numbers.
"""

from typing import Final, Literal

import msgspec

PLACES_MAX: Final = 1_000_000
"""Frames that may be chosen one by one; a range has no limit."""


class ReplayRange(msgspec.Struct, frozen=True):
    """Offsets of one partition: from `begin` until before `end`."""

    partition: int
    begin: int
    end: int


class TopicRange(msgspec.Struct, frozen=True, tag="range", tag_field="source"):
    """Frames of a topic, in the order of their time. pipeline: only those whose header names it; None: all."""

    topic: str
    reaches: tuple[ReplayRange, ...]
    pipeline: str | None = None


class SelectedFrames(msgspec.Struct, frozen=True, tag="chosen", tag_field="source"):
    """Frames chosen one by one: by partition, their offsets in rising order. turns: whose partition's next frame comes
    next, in the order of their time; as long as all offsets together."""

    topic: str
    offsets: dict[int, tuple[int, ...]]
    turns: tuple[int, ...]


class DeadLetters(msgspec.Struct, frozen=True, tag="dead letters", tag_field="source"):
    """Refused frames: the dead letters at these offsets, ascending, by partition. turns: as in `SelectedFrames`."""

    topic: str
    offsets: dict[int, tuple[int, ...]]
    turns: tuple[int, ...]


class Files(msgspec.Struct, frozen=True, tag="files", tag_field="source"):
    """Pictures, tables and videos, in this order."""

    paths: tuple[str, ...]


RowsFormat = Literal["parquet", "arrow"]


class DatasetFrames(msgspec.Struct, frozen=True, tag="rows", tag_field="source"):
    """Rows of a Parquet or Arrow dataset. column: of encoded images (binary), sent as they are; or of tensors (lists),
    sent as a table with this column's name. key_column: whose text is the ordering key. at: what the frames' time is
    said to be, Unix milliseconds."""

    uri: str
    format: RowsFormat
    column: str
    at: int
    key_column: str | None = None


FrameSource = TopicRange | SelectedFrames | DeadLetters | Files | DatasetFrames
