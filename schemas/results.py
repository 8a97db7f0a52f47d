"""What comes back: an answer on `results` (official) or `shadows` (a challenger's), and a dead letter.

An answer's headers are text; its value is an Arrow IPC stream (`schemas.tables`) where status is
`ok`, else JSON with error, message, stage.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, Self

import msgspec

from schemas.errors import Refused, shortened
from schemas.frames import Frame, RawHeaders
from schemas.json_text import decode_json
from schemas.limits import QUOTED_HEADER_CHARS_MAX
from schemas.tasks import Role, Slip, SplitChoice

Status = Literal["ok", "error", "expired", "shed"]

UNIX_MS_DIGITS_MAX: Final = 15
"""Whole numbers that a double holds exactly, as Redis scores are."""

_SPLIT: Final = msgspec.json.Decoder(tuple[SplitChoice, ...])


class Failure(msgspec.Struct, frozen=True):
    """The value of an answer whose status is not `ok`."""

    error: str
    message: str
    stage: str


_FAILURE: Final = msgspec.json.Decoder(Failure)


@dataclass(frozen=True, slots=True)
class Timings:
    """Nanoseconds. queued: from the frame's record to the start of its turn."""

    queued_ns: int = 0
    decode_ns: int = 0
    infer_ns: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One record of `results` or `shadows`.

    pipeline: `workspace/name`, or as it came where routing failed before it was known; then
    version, role and model are None and parts is 0. model, model_version, model_sha256: of the
    last split's or shadow's arm on the path, else of the first step. published_at: Unix ms.
    """

    key: bytes
    value: bytes
    request_id: str
    status: Status
    pipeline: str
    frame: str
    frame_digest: str
    published_at: int
    pipeline_version: str | None = None
    role: Role | None = None
    model: str | None = None
    model_version: str | None = None
    model_sha256: str | None = None
    parts: int = 0
    split: tuple[SplitChoice, ...] = ()
    timings: Timings = Timings()
    traceparent: str | None = None

    @property
    def official(self) -> bool:
        """Whether this answers the request; a challenger's is recorded only."""
        return self.role != "challenger"

    def failure(self) -> Failure:
        """error, message and stage of an answer that is not `ok`; ValueError where its writer did not say them."""
        return decode_json(_FAILURE, self.value)

    def text_headers(self) -> dict[str, str]:
        """The headers as the contract names them; those that are unknown are absent."""
        headers = {
            "request-id": self.request_id,
            "status": self.status,
            "pipeline": self.pipeline,
            "pipeline-version": self.pipeline_version,
            "role": self.role,
            "model": self.model,
            "model-version": self.model_version,
            "model-sha256": self.model_sha256,
            "parts": str(self.parts),
            "split": msgspec.json.encode(self.split).decode(),
            "frame": self.frame,
            "frame-digest": self.frame_digest,
            "queued-ns": str(self.timings.queued_ns),
            "decode-ns": str(self.timings.decode_ns),
            "infer-ns": str(self.timings.infer_ns),
            "published-at": str(self.published_at),
            "traceparent": self.traceparent,
        }
        return {name: text for name, text in headers.items() if text is not None}

    def headers(self) -> RawHeaders:
        """The headers as Kafka takes them."""
        return [(name, text.encode()) for name, text in self.text_headers().items()]

    @classmethod
    def from_record(cls, key: bytes | None, value: bytes, headers: RawHeaders) -> Self:
        """The inverse of `headers()`; ValueError (KeyError's too) where it is no answer."""
        return cls.from_text(key or b"", value, {n: v.decode() for n, v in headers if v is not None})

    @classmethod
    def from_text(cls, key: bytes, value: bytes, text: dict[str, str]) -> Self:
        """The inverse of `text_headers()`. Unknown headers are ignored: a later version may add some."""
        try:
            return cls(
                key=key,
                value=value,
                request_id=text["request-id"],
                status=msgspec.convert(text["status"], Status),
                pipeline=text["pipeline"],
                frame=text["frame"],
                frame_digest=text["frame-digest"],
                published_at=_unix_ms(text["published-at"]),
                pipeline_version=text.get("pipeline-version"),
                role=msgspec.convert(text["role"], Role) if "role" in text else None,
                model=text.get("model"),
                model_version=text.get("model-version"),
                model_sha256=text.get("model-sha256"),
                parts=int(text["parts"]),
                split=decode_json(_SPLIT, text["split"].encode()),
                timings=Timings(int(text["queued-ns"]), int(text["decode-ns"]), int(text["infer-ns"])),
                traceparent=text.get("traceparent"),
            )
        except (KeyError, ValueError) as error:
            raise ValueError(f"not an answer: {error}; expected the headers of docs/contract.md") from error


def _unix_ms(text: str) -> int:
    value = int(text) if len(text) <= UNIX_MS_DIGITS_MAX else -1
    if value < 0:
        raise ValueError(f"published-at {text[:40]!r}; expected Unix milliseconds")
    return value


def digest(value: bytes) -> str:
    """sha256 of a frame's bytes, hex."""
    return hashlib.sha256(value).hexdigest()


def answer_of_slip(
    frame: Frame, slip: Slip, status: Status, value: bytes, published_at: int, timings: Timings
) -> Answer:
    """The answer of a task. Its key keeps a camera's frames in order, as the frame's key did."""
    return Answer(
        key=frame.key if frame.key is not None else slip.request_id.encode(),
        value=value,
        request_id=slip.request_id,
        status=status,
        pipeline=str(slip.pipeline),
        frame=slip.frame,
        frame_digest=digest(frame.value),
        published_at=published_at,
        pipeline_version=slip.version,
        role=slip.role,
        model=slip.answers.name,
        model_version=slip.answers.version,
        model_sha256=slip.sha256,
        parts=slip.parts,
        split=slip.split,
        timings=timings,
        traceparent=slip.traceparent or frame.traceparent,
    )


def answer_before_routing(frame: Frame, status: Status, value: bytes, published_at: int) -> Answer:
    """The answer of a frame that no version of a pipeline took: version, model and role are absent."""
    return Answer(
        key=frame.key if frame.key is not None else frame.request_id.encode(),
        value=value,
        request_id=frame.request_id,
        status=status,
        pipeline=_pipeline_as_it_came(frame),
        frame=str(frame.origin),
        frame_digest=digest(frame.value),
        published_at=published_at,
        traceparent=frame.traceparent,
    )


def why_expired(frame: Frame, expires_at: int, moment: str) -> str:
    """Said of a frame whose time, Unix milliseconds, was over: whether its own, or what its pipeline allows."""
    if frame.header("deadline") == str(expires_at):
        return f"the deadline {expires_at} (Unix ms) had passed when {moment}"
    return (
        f"the frame's timestamp is {frame.produced_at} (Unix ms), and its pipeline's frame_age_ms_max ended at "
        f"{expires_at}, before {moment}"
    )


def failure_value(error: str, message: str, stage: str) -> bytes:
    """The value of an error, expired or shed answer."""
    return msgspec.json.encode(Failure(error, message, stage))


def dead_letter_headers(frame: Frame, refusal: Refused, attempts: int) -> RawHeaders:
    """Headers of a dead letter: the frame's own, and why it was refused. Key and bytes are the frame's."""
    why = {
        "error": refusal.error,
        "message": refusal.message,
        "stage": refusal.stage,
        "attempts": str(attempts),
        "frame": str(frame.origin),
    }
    return [*frame.headers, *((name, text.encode()) for name, text in why.items())]


def _pipeline_as_it_came(frame: Frame) -> str:
    with suppress(Refused):
        return str(frame.pipeline)
    with suppress(Refused):
        return shortened(frame.header("pipeline") or "", QUOTED_HEADER_CHARS_MAX)
    return ""
