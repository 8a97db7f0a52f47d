"""Files as frames: a picture or table is one, a video is many. One that cannot be read does not end the others."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from schemas.errors import FrameTooLarge, Refused
from schemas.frames import RawHeaders
from sparring.dataset.outputs import FrameFacts
from sparring.replay.frame import ReplayFrame, UnreadableFrame
from sparring.sources import frames_of
from sparring.sources.remote import fetched
from sparring.sources.store import is_remote, plain

_FILES_MAX: Final = 1 << 32

_OF_ONE: Final = (Refused, FrameTooLarge, OSError)
_OF_ONE_REMOTE: Final = (Refused, FrameTooLarge, FileNotFoundError, PermissionError)
"""Errors of one file. Others of a store are those of all its files."""


def frames_of_files(paths: Sequence[str], bytes_max: int) -> Iterator[ReplayFrame | UnreadableFrame]:
    """The frames of these paths and URIs, of at most so many bytes each.

    Raises:
        OSError: a store does not answer.
    """
    for place, named in enumerate(paths):
        name = plain(named) if is_remote(named) else named
        picture = 0
        try:
            with _here(named, bytes_max) as (path, at):
                for sendable in frames_of(path, bytes_max, name):
                    asked = FrameFacts(sendable.name, sendable.name, at + sendable.after_ms)
                    headers: RawHeaders = [("content-type", sendable.content_type.encode())]
                    yield ReplayFrame(_number(place, picture), asked, None, sendable.value, headers)
                    picture += 1
        except _OF_ONE as error:
            if is_remote(named) and not isinstance(error, _OF_ONE_REMOTE):
                raise
            yield UnreadableFrame(_number(place, picture), _why(name, error))


def _here(named: str, bytes_max: int) -> contextlib.AbstractContextManager[tuple[Path, int]]:
    """A file on this machine's disk, and when it was last changed, Unix milliseconds."""
    if is_remote(named):
        return fetched(named, bytes_max)
    return contextlib.nullcontext((Path(named), int(Path(named).stat().st_mtime * 1000)))


def _why(name: str, error: Exception) -> str:
    said = (isinstance(error, OSError) and error.strerror) or str(error)
    return said if said.startswith(name) else f"{name}: {said}"


def _number(place: int, picture: int) -> int:
    """By the place, not by counting: a video that could not be read, and can be when it is tried again, must not shift
    the files behind it."""
    return picture * _FILES_MAX + place
