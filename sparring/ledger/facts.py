"""What the ledger keeps of each record: enough to account for it, never its bytes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.results import Status


@dataclass(frozen=True, slots=True)
class Decision:
    """What one pipeline version makes of a frame: models as `name@version`, with the sha256 of their files. refused:
    the error, where it cannot place it; may_expire: whether the frame or the version says how old it may be."""

    answers: str | None = None
    sha256: str | None = None
    challengers: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None
    may_expire: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame. origin: `topic/partition/offset`; decisions: by pipeline version, of those that were live then;
    pipeline: None where its header names none; digest: of its bytes, None where they lie elsewhere; routable: whether
    there was no moment at which no version was live, and each of them can place it."""

    origin: str
    partition: int
    offset: int
    key: bytes | None
    request_id: str
    pipeline: str | None
    digest: str | None
    decisions: Mapping[str, Decision]
    routable: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An answer on `results` or `shadows`, as it lies there. partition, offset: its own place. model: `name@version`;
    error: of one that is not `ok`; by_router: whether the router answered, in the place of a model."""

    origin: str
    partition: int
    offset: int
    request_id: str
    pipeline: str
    status: Status
    pipeline_version: str | None
    model: str | None
    sha256: str | None
    digest: str
    value_digest: str
    error: str | None
    by_router: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter. digest: of its bytes."""

    origin: str
    request_id: str
    error: str
    digest: str
