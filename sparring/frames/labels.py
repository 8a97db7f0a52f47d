"""What stands on a frame beside its value: key, headers, request id, deadline. Checked before it is sent; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from schemas.errors import Refused
from schemas.frames import Frame, Origin, is_request_id
from schemas.limits import REQUEST_ID_CHARS_MAX
from sparring.checks import SECONDS_MAX, checked_count, checked_text
from sparring.frames.headers import RESERVED

_NOWHERE: Final = Origin("", 0, 0)
_DEADLINE_MS_MAX: Final = int(SECONDS_MAX * 1000)


@dataclass(frozen=True, slots=True)
class Labels:
    """Of one frame, or of all frames of a block. None: there is none; a new request id."""

    key: bytes | None = None
    headers: Mapping[str, str] | None = None
    deadline_ms: int | None = None
    request_id: str | None = None

    @classmethod
    def checked(cls, key: object, headers: object, deadline_ms: object, request_id: object = None) -> Self:
        """TypeError or ValueError, beginning with the argument's name, where one is wrong."""
        return cls(
            checked_key(key),
            checked_headers(headers, "frames"),
            None if deadline_ms is None else checked_count("deadline_ms", deadline_ms, 1, _DEADLINE_MS_MAX),
            None if request_id is None else _checked_request_id(request_id),
        )


def checked_key(given: object) -> bytes | None:
    """A frame's key as Kafka takes it, from text or bytes."""
    if given is None or isinstance(given, bytes):
        return given
    if not isinstance(given, str):
        raise TypeError(f"key: {type(given).__name__}; expected text or bytes")
    return checked_text("key", given, "text or bytes").encode()


def checked_headers(given: object, setter: str = "infer") -> dict[str, str]:
    """A user's own headers: text for text, and none that the `setter` sets itself."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"headers: {type(given).__name__}; expected a dictionary of text")
    for name, text in given.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(f"headers: {name!r}: {text!r}; expected text for text")
        if name in RESERVED:
            raise ValueError(f"headers: {name!r} is set by {setter} itself; leave it out")
        checked_text("headers", name, "text for text")
        checked_text("headers", text, "text for text")
        try:
            _ = Frame(None, b"", ((name, text.encode()),), _NOWHERE, 0, "").deadline
        except Refused as error:
            raise ValueError(f"headers: {error.message}") from None
    return dict(given)


def _checked_request_id(given: object) -> str:
    """The system would give a frame with any other id one of its own."""
    if not isinstance(given, str):
        raise TypeError(f"request_id: {type(given).__name__}; expected text")
    if not is_request_id(given):
        raise ValueError(
            f"request_id: {given[:REQUEST_ID_CHARS_MAX]!r}; expected 1 to {REQUEST_ID_CHARS_MAX} letters, digits, or "
            "some of ._:-"
        )
    return given
