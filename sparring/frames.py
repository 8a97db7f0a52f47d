"""Producing frames: what `infer` and the command line send, checked against the limits before."""

from collections.abc import Mapping
from typing import Final

from schemas.errors import FrameTooLarge
from schemas.limits import FRAME_BYTES_MAX, HEADERS_BYTES_MAX, KIB
from schemas.names import PipelineName
from sparring.broker import Broker

RESERVED: Final = ("pipeline", "request-id", "content-type")
"""Headers that the SDK sets itself."""


def send_frame(
    broker: Broker,
    topic: str,
    pipeline: PipelineName,
    value: bytes,
    *,
    request_id: str,
    content_type: str,
    key: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send one frame; returns when the broker has it.

    Raises:
        FrameTooLarge: the value, or key and headers, are above the limit: nothing was sent.
        ConnectionError: the broker did not confirm it.
    """
    texts = {
        **(headers or {}),
        "pipeline": str(pipeline),
        "request-id": request_id,
        "content-type": content_type,
    }
    raw: list[tuple[str, bytes | None]] = [(name, text.encode()) for name, text in texts.items()]
    beside = len(key or b"") + sum(len(name.encode()) + len(text or b"") for name, text in raw)
    # Kafka puts some bytes of its own around a record: less than a KiB.
    for what, came, most in (
        ("the frame", len(value), FRAME_BYTES_MAX),
        ("key and headers", beside, HEADERS_BYTES_MAX - KIB),
    ):
        if came > most:
            raise FrameTooLarge(f"{what}: {came} bytes; expected at most {most}: send fewer rows, or a JPEG")
    broker.send(topic, value, key, raw)
