"""A task: the frame's own bytes, key and headers, plus one header `slip` that pins its whole path.

The router decides once; no reader of a slip decides again.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from schemas.json_text import decode_json
from schemas.names import Lane, ModelKey, PipelineName

if TYPE_CHECKING:
    from schemas.frames import Frame, RawHeaders

SLIP: Final = "slip"

Role = Literal["champion", "chosen", "challenger"]
"""champion: also of a plain step. chosen: by a split. challenger: its answer is recorded only."""


class SplitChoice(msgspec.Struct, frozen=True):
    """A frame's place in one split. `position` is null where the request's hash decided by rendezvous."""

    step: int
    hash_key: str | None
    position: float | None
    weights: tuple[tuple[str, int | float], ...]
    name: str
    version: str
    sha: str
    missing: bool = False
    """The hash key was named but the request has no such header or column: the request id decided."""


class Slip(msgspec.Struct, frozen=True):
    """What a model process needs to know beside the bytes.

    path: one model version per step that this task runs, in order. name, version and sha of
    `answers` is the last split's or shadow's arm on the path, else the first step's model.
    """

    request_id: str
    pipeline: PipelineName
    version: str
    role: Role
    path: tuple[ModelKey, ...]
    answers: ModelKey
    sha256: str
    parts: int
    """Challengers of this request."""
    split: tuple[SplitChoice, ...]
    frame: str
    """Where the frame lies: topic/partition/offset."""
    produced_at: int
    """Unix milliseconds of the frame's record."""
    deadline: int | None = None
    traceparent: str | None = None
    """The router's span, where it traces; the frame's own header stays unchanged."""


@dataclass(frozen=True, slots=True)
class Task:
    """One path of one frame, on its way to the process of `lane_of`."""

    frame: "Frame"
    slip: Slip
    lane: Lane
    lane_of: ModelKey


_SLIP: Final = msgspec.json.Decoder(Slip)


def task_headers(frame: "Frame", slip: Slip) -> "RawHeaders":
    """The frame's headers, unchanged, and the slip last."""
    return [*frame.headers, (SLIP, msgspec.json.encode(slip))]


def decode_slip(value: bytes) -> Slip:
    """The slip; ValueError where it is none."""
    return decode_json(_SLIP, value)


def split_slip(headers: "RawHeaders") -> "tuple[Slip, RawHeaders]":
    """The router's slip (the last header of that name), and the frame's own headers."""
    for at in range(len(headers) - 1, -1, -1):
        name, value = headers[at]
        if name == SLIP and value is not None:
            return decode_slip(value), headers[:at] + headers[at + 1 :]
    raise ValueError(f"no header {SLIP!r}: this record was not sent by a router")
