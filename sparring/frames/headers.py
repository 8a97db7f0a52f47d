"""Producing frames: what `infer`, the sender and the command line send, checked against the limits before.

One that is too large for Kafka's topics goes into the reference store, where one is set, and a reference to it is sent.

What stands on a frame beside its value: key, headers, request id, deadline. Checked before it is sent; pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from schemas.errors import FrameTooLarge, Refused
from schemas.frames import REFERENCE, REFERENCE_SHA256, Frame, Origin, RawHeaders, is_request_id
from schemas.limits import (
    FRAME_BYTES_MAX,
    HEADERS_BYTES_MAX,
    HEADERS_MAX,
    KEY_BYTES_MAX,
    KIB,
    REFERENCE_BYTES_MAX,
    REQUEST_ID_CHARS_MAX,
)
from schemas.names import PipelineName
from sparring.checks import SECONDS_MAX, checked_count, checked_text

RESERVED: Final = ("pipeline", "request-id", "content-type", REFERENCE, REFERENCE_SHA256)
"""Headers that the SDK sets itself."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frame as it is given to Kafka."""

    value: bytes
    headers: RawHeaders


def outgoing(value: bytes, key: bytes | None, headers: RawHeaders, store: str, argument: str = "the frame") -> Outgoing:
    """The frame as it is; above FRAME_BYTES_MAX it is put into the store, and a reference to it travels.

    Args:
        value: the frame.
        key: its ordering key.
        headers: as `frame_headers` makes them.
        store: the setting `reference_store`; empty: there is none.
        argument: what the value is called in an error.

    Raises:
        FrameTooLarge: value, key or headers are above the limit: nothing was stored.
        RetryLater: the store did not take it.
    """
    check_sizes(value, key, headers, argument, frame_bytes_max(store))
    if len(value) <= FRAME_BYTES_MAX:
        return Outgoing(value, headers)
    from adapters.reference_store import ReferenceStore  # noqa: PLC0415  # pyarrow is slow to load

    return Outgoing(b"", [*headers, *ReferenceStore(store).put(value).headers()])


def frame_bytes_max(store: str) -> int:
    """The largest frame that this client can send. store: the setting `reference_store`."""
    return REFERENCE_BYTES_MAX if store else FRAME_BYTES_MAX


def frame_headers(
    pipeline: PipelineName, *, request_id: str, content_type: str, headers: Mapping[str, str] | None = None
) -> RawHeaders:
    """The headers of one frame: the user's own, and those that the SDK sets."""
    texts = {
        **(headers or {}),
        "pipeline": str(pipeline),
        "request-id": request_id,
        "content-type": content_type,
    }
    return [(name, text.encode()) for name, text in texts.items()]


def check_sizes(
    value: bytes,
    key: bytes | None,
    headers: RawHeaders,
    argument: str = "the frame",
    bytes_max: int = FRAME_BYTES_MAX,
) -> None:
    """FrameTooLarge where the router would refuse the frame, or Kafka the record."""
    check_bytes(len(value), bytes_max, argument)
    key_bytes = len(key or b"")
    beside = key_bytes + sum(len(name.encode()) + len(text or b"") for name, text in headers)
    # Kafka puts some bytes of its own around a record: less than a KiB.
    for what, came, most in (
        (f"key: {key_bytes} bytes", key_bytes, KEY_BYTES_MAX),
        (f"headers: {len(headers)}", len(headers), HEADERS_MAX),
        (f"headers: key and headers have {beside} bytes", beside, HEADERS_BYTES_MAX - KIB),
    ):
        if came > most:
            raise FrameTooLarge(f"{what}; expected at most {most}")


def check_bytes(came: int, bytes_max: int = FRAME_BYTES_MAX, argument: str = "the frame") -> None:
    """FrameTooLarge, saying what to do, where a frame of so many bytes cannot be sent."""
    if came <= bytes_max:
        return
    advice = "send fewer rows, or a JPEG"
    if bytes_max < REFERENCE_BYTES_MAX:
        advice += (
            f"; or set SPARRING_REFERENCE_STORE to a folder or bucket that the model processes may read: up to "
            f"{REFERENCE_BYTES_MAX} bytes travel as a reference to it"
        )
    raise FrameTooLarge(f"{argument}: {came} bytes; expected at most {bytes_max}: {advice}")


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
    """A frame's key as Kafka takes it: text or bytes came."""
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
