"""Producing frames: what `infer`, the sender and the command line send, checked against the limits before.

One that is too large for Kafka's topics goes into the reference store, where one is set, and a reference to it is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.errors import FrameTooLarge
from schemas.frames import REFERENCE, REFERENCE_SHA256, RawHeaders
from schemas.limits import FRAME_BYTES_MAX, HEADERS_BYTES_MAX, HEADERS_MAX, KEY_BYTES_MAX, KIB, REFERENCE_BYTES_MAX
from schemas.names import PipelineName
from sparring.sources.errors import check_bytes

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
    from adapters.storage.reference_store import ReferenceStore  # noqa: PLC0415  # pyarrow is slow to load

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
