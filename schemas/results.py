"""What comes back: an answer on `results` (official) or `shadows` (a challenger's), and a dead letter.

An answer's headers are text; its value is an Arrow IPC stream (`schemas.tables`) where status is
`ok`, else JSON with error, message, stage.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, Self

import msgspec

from schemas.errors import Refused, shortened
from schemas.frames import Frame, RawHeaders
from schemas.json_text import decode_json
from schemas.limits import KEY_BYTES_MAX, QUOTED_HEADER_CHARS_MAX
from schemas.tasks import Role, Slip, SplitChoice

Status = Literal["ok", "error", "expired", "shed"]

UNIX_MS_DIGITS_MAX: Final = 15
"""Whole numbers that a double holds exactly, as Redis scores are."""

FRAME_BYTES: Final = "frame-bytes"
FRAME_DIGEST: Final = "frame-digest"
"""Headers. Both end a dead letter that holds neither bytes nor headers of its frame; an answer has the digest, too."""

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
            FRAME_DIGEST: self.frame_digest,
            "queued-ns": str(self.timings.queued_ns),
            "decode-ns": str(self.timings.decode_ns),
            "infer-ns": str(self.timings.infer_ns),
            "published-at": str(self.published_at),
            "traceparent": self.traceparent,
        }
        return {name: text for name, text in headers.items() if text is not None}

    def headers(self) -> RawHeaders:
        """The headers as Kafka takes them."""
        return _raw(self.text_headers())

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
                frame_digest=text[FRAME_DIGEST],
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
            why = f"it has no header {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"not an answer: {why}; expected the headers of docs/contract.md") from error


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
    """The answer of a task."""
    return Answer(
        key=_answer_key(frame, slip.request_id),
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
        key=_answer_key(frame, frame.request_id),
        value=value,
        request_id=frame.request_id,
        status=status,
        pipeline=_pipeline_as_it_came(frame),
        frame=str(frame.origin),
        frame_digest=digest(frame.value),
        published_at=published_at,
        traceparent=frame.traceparent,
    )


SMALLER_ANSWERS: Final = (
    "an ArgMax or a smaller output in the model, a Python step behind it, or float16 outputs make answers smaller"
)
"""What to do about an answer above RESULT_BYTES_MAX."""


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


def dead_letter(frame: Frame, refusal: Refused, attempts: int) -> tuple[bytes | None, bytes, RawHeaders]:
    """Key, value and headers of a dead letter: the frame's own, and why it was refused. Of a frame that no topic takes,
    only what it was: its request and pipeline, its size and its digest."""
    why = {
        "error": refusal.error,
        "message": refusal.message,
        "stage": refusal.stage,
        "attempts": str(attempts),
        "frame": str(frame.origin),
    }
    if frame.fits:
        return frame.key, frame.value, [*frame.headers, *_raw(why)]
    was = {"pipeline": _pipeline_as_it_came(frame), "request-id": frame.request_id}
    left_out = {FRAME_BYTES: str(len(frame.value)), FRAME_DIGEST: digest(frame.value)}
    return _bounded_key(frame), b"", _raw(was | why | left_out)


def left_out(headers: RawHeaders) -> tuple[int, str] | None:
    """Size and digest of the frame whose bytes a dead letter does not hold; None where it holds them."""
    texts = [(value or b"").decode(errors="replace") for _, value in headers[-2:]]
    if [name for name, _ in headers[-2:]] != [FRAME_BYTES, FRAME_DIGEST] or not texts[0].isdecimal():
        return None
    return int(texts[0]), texts[1]


def _raw(texts: Mapping[str, str]) -> RawHeaders:
    return [(name, text.encode()) for name, text in texts.items()]


def _bounded_key(frame: Frame) -> bytes | None:
    """The frame's key; None where it has none, or one that is too long to be repeated."""
    return None if frame.key is None or len(frame.key) > KEY_BYTES_MAX else frame.key


def _answer_key(frame: Frame, request_id: str) -> bytes:
    """Keeps a camera's frames in order, as the frame's key did; else spreads by request."""
    key = _bounded_key(frame)
    return request_id.encode() if key is None else key


def _pipeline_as_it_came(frame: Frame) -> str:
    with suppress(Refused):
        return str(frame.pipeline)
    with suppress(Refused):
        return shortened(frame.header("pipeline") or "", QUOTED_HEADER_CHARS_MAX)
    return ""
