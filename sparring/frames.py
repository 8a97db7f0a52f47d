"""Producing frames: what `infer`, the sender and the command line send, checked against the limits before."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from schemas.errors import FrameTooLarge
from schemas.frames import RawHeaders
from schemas.limits import FRAME_BYTES_MAX, HEADERS_BYTES_MAX, KEY_BYTES_MAX, KIB
from schemas.names import PipelineName

if TYPE_CHECKING:
    from sparring.broker import Broker  # what only checks, or declares a command, needs no Kafka client

RESERVED: Final = ("pipeline", "request-id", "content-type")
"""Headers that the SDK sets itself."""


def send_frame(
    broker: "Broker",
    topic: str,
    pipeline: PipelineName,
    value: bytes,
    *,
    request_id: str,
    content_type: str,
    key: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    argument: str = "the frame",
) -> None:
    """Send one frame; returns when the broker has it. argument: what its value is called in an error.

    Raises:
        FrameTooLarge: the value, or key and headers, are above the limit: nothing was sent.
        ConnectionError: the broker did not confirm it.
    """
    raw = frame_headers(pipeline, request_id=request_id, content_type=content_type, headers=headers)
    check_sizes(value, key, raw, argument)
    broker.send(topic, value, key, raw)


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


def check_sizes(value: bytes, key: bytes | None, headers: RawHeaders, argument: str = "the frame") -> None:
    """FrameTooLarge where the router would refuse the frame, or Kafka the record."""
    key_bytes = len(key or b"")
    beside = key_bytes + sum(len(name.encode()) + len(text or b"") for name, text in headers)
    # Kafka puts some bytes of its own around a record: less than a KiB.
    for what, came, most in (
        (f"{argument}: {len(value)} bytes", len(value), FRAME_BYTES_MAX),
        (f"key: {key_bytes} bytes", key_bytes, KEY_BYTES_MAX),
        (f"headers: key and headers have {beside} bytes", beside, HEADERS_BYTES_MAX - KIB),
    ):
        if came > most:
            advice = ": send fewer rows, or a JPEG" if came == len(value) else ""
            raise FrameTooLarge(f"{what}; expected at most {most}{advice}")
