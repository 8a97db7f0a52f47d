"""What the ledger keeps of each record: enough to account for it, never its bytes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from schemas.catalog import Switch
from schemas.results import Answer, Status
from schemas.tasks import Slip, SplitChoice

Split = tuple[SplitChoice, ...]


@dataclass(frozen=True, slots=True)
class Routed:
    """One path of a frame, as a version decides it or as an answer says it was. model: who answers, `name@version`;
    sha256: of its file; parts: challengers of the request; split: the frame's place in each split on the way."""

    model: str | None
    sha256: str | None
    parts: int = 0
    split: Split = ()

    @classmethod
    def decided(cls, slip: Slip) -> Self:
        """Of a task."""
        return cls(f"{slip.answers.name}@{slip.answers.version}", slip.sha256, slip.parts, _kept_once(slip.split))

    @classmethod
    def said(cls, answer: Answer) -> Self:
        """Of an answer, by its headers."""
        model = None if answer.model is None else f"{answer.model}@{answer.model_version}"
        return cls(model, answer.model_sha256, answer.parts, _kept_once(answer.split))


@lru_cache(maxsize=4096)
def _kept_once(split: Split) -> Split:
    """Many frames have the same place in a split, unless they have positions of their own."""
    return split


@dataclass(frozen=True, slots=True)
class Decision:
    """What one pipeline version makes of a frame. official: None where it cannot place it, and refused says the error;
    challengers: by model; lives_ms: how long after its own time an answer to the frame is wanted, None: for ever;
    first: the first model of its path, `name@version`, whose process takes it."""

    official: Routed | None = None
    challengers: Mapping[str, Routed] = field(default_factory=dict, hash=False)
    refused: str | None = None
    lives_ms: int | None = None
    first: str | None = None


@dataclass(frozen=True, slots=True)
class ObservedFrame:
    """A frame. origin: `topic/partition/offset`; pipeline: None where its header names none; digest: of its bytes,
    None where they lie elsewhere; decisions: by pipeline version, of those that may have been live when it came;
    produced_at: its own time, Unix milliseconds; history: of its pipeline; refused: the error that every router
    answers it with, whatever is live."""

    origin: str
    partition: int
    offset: int
    key: bytes | None
    request_id: str
    pipeline: str | None
    digest: str | None
    decisions: Mapping[str, Decision]
    produced_at: int
    history: tuple[Switch, ...] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class ObservedAnswer:
    """An answer on `results` or `shadows`, as it lies there. partition, offset: its own place. published_at: Unix
    milliseconds. error: of one that is not `ok`, None where its writer did not say it; by_router: whether the router
    answered, in the place of a model."""

    origin: str
    partition: int
    offset: int
    request_id: str
    pipeline: str
    status: Status
    published_at: int
    pipeline_version: str | None
    routed: Routed
    digest: str
    value_digest: str
    error: str | None
    by_router: bool = False


@dataclass(frozen=True, slots=True)
class IndexedAnswer:
    """An official answer as Redis holds it. origin: of its frame; value_digest: of its value."""

    origin: str
    request_id: str
    pipeline: str
    value_digest: str


@dataclass(frozen=True, slots=True)
class DeadLetterFact:
    """A dead letter. digest: of its bytes."""

    origin: str
    error: str
    digest: str
