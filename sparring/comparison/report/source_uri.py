"""A picture's location, parsed from a dataset's column `source`, as a replay writes it. Pure."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

from schemas.frames import Origin
from sparring.sources.paths import VIDEOS
from sparring.sources.store import is_remote

_IN_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}/\d{1,9}/\d{1,18}")
_INSIDE: Final = re.compile(r"(.+)#(\d{1,12})", re.DOTALL)
_JPEGS: Final = (".jpeg", ".jpg")
"""Such a file may hold many, one after the other."""
_ROWS: Final = re.compile(r"(.+)#([^#]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class InTopic:
    """A record."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class InFile:
    """A file by itself. uri: a path, or where it lies in an object store."""

    uri: str


@dataclass(frozen=True, slots=True)
class InVideo:
    """A picture of a video, or of a file of JPEGs one after the other. number: of a picture, from 0."""

    uri: str
    number: int


@dataclass(frozen=True, slots=True)
class InRows:
    """A cell of a dataset of encoded images. row: from 0, in the order of the files' names."""

    uri: str
    column: str
    row: int


PictureLocation = InTopic | InFile | InVideo | InRows


def parse_source(source: str) -> PictureLocation:
    """The location. ValueError for a URI with options: a dataset must not choose the server that gets our keys."""
    if is_remote(source) and "?" in source:
        raise ValueError("its URI has options; expected none: the environment says how a store is reached")
    if _IN_TOPIC.fullmatch(source):
        return InTopic(Origin.parse(source))
    if inside := _INSIDE.fullmatch(source):
        if PurePosixPath(inside[1]).suffix.lower() in (*VIDEOS, *_JPEGS):
            return InVideo(inside[1], int(inside[2]))
        if rows := _ROWS.fullmatch(inside[1]):
            return InRows(rows[1], unquote(rows[2]), int(inside[2]))
    return InFile(source)
