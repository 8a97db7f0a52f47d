"""One result as a consumer sees it, and one with its challengers. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from schemas.results import Answer, Failure, Status, Timings
from schemas.tables.read import read_arrow
from schemas.tasks import Role, SplitChoice
from sparring.checks import moment
from sparring.dataset.outputs import FrameFacts, failure_of


@dataclass(frozen=True)
class Result:
    """One record of `results`, or of `shadows` where its role is challenger.

    pipeline: `workspace/name`; its version, role and the model's fields are None where routing failed. at: when the
    frame was produced, reckoned back from its timings to some milliseconds; published_at: when the answer was, both
    UTC. frame: where the frame lies, `topic/partition/offset`; frame_digest: sha256 of its bytes, hex. key: the
    frame's, else the request id. split: its place in each random split. timings: nanoseconds. parts: how many
    challengers' answers belong to the request. topic, partition, offset: where this record lies.
    """

    request_id: str
    pipeline: str
    pipeline_version: str | None
    role: Role | None
    model: str | None
    model_version: str | None
    model_sha256: str | None
    status: Status
    at: datetime
    published_at: datetime
    frame: str
    frame_digest: str
    key: bytes
    split: tuple[SplitChoice, ...]
    timings: Timings
    parts: int
    topic: str
    partition: int
    offset: int
    answer: Answer = field(repr=False, compare=False)
    """The record as the services know it."""

    @property
    def official(self) -> bool:
        """Whether this answers the request; a challenger's is recorded only."""
        return self.role != "challenger"

    @property
    def arm(self) -> str:
        """The model that answered, `name@version`."""
        return f"{self.model}@{self.model_version}"

    @property
    def place(self) -> str:
        """Where this record lies: `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @cached_property
    def table(self) -> pa.Table:
        """The outputs: one row per input row, one list column per output in the model's own dtype, `anomaly.*` beside
        them; no rows where status is not `ok`. Refused where an `ok` value is no Arrow stream."""
        return read_arrow(self.answer.value) if self.status == "ok" else pa.table({})

    @cached_property
    def outputs(self) -> dict[str, list[Any]]:
        """`table` as plain Python: by output, per input row a flat list."""
        from sparring.results.dataframe import cells  # noqa: PLC0415  # pandas: who takes tables needs none

        return {name: cells(self.table[name]) for name in self.table.column_names}

    @cached_property
    def error(self) -> Failure | None:
        """error, message and stage; None where status is `ok`."""
        return None if self.status == "ok" else failure_of(self.answer)

    def asked(self) -> FrameFacts:
        """The frame of this answer, as in a row of the results dataset."""
        return FrameFacts(self.request_id, self.frame, produced_at(self.answer))


@dataclass(frozen=True)
class JoinedResult:
    """One request: its official result, and its challengers' by `name@version`, as far as they arrived in time.

    missing: how many did not.
    """

    official: Result
    challengers: dict[str, Result]
    missing: int

    def results(self) -> tuple[Result, ...]:
        """All of them, the official one first."""
        return (self.official, *self.challengers.values())


def result_of(record: Any) -> Result:
    """The result that a Kafka record holds; ValueError where it is none."""
    if record.value is None:
        raise ValueError("it has no value")
    answer = Answer.from_record(record.key, record.value, list(record.headers))
    try:
        at, published_at = moment(produced_at(answer)), moment(answer.published_at)
    except (OverflowError, OSError) as error:
        raise ValueError(f"not an answer: {error}; expected times that a calendar has") from error
    return Result(
        request_id=answer.request_id,
        pipeline=answer.pipeline,
        pipeline_version=answer.pipeline_version,
        role=answer.role,
        model=answer.model,
        model_version=answer.model_version,
        model_sha256=answer.model_sha256,
        status=answer.status,
        at=at,
        published_at=published_at,
        frame=answer.frame,
        frame_digest=answer.frame_digest,
        key=answer.key,
        split=answer.split,
        timings=answer.timings,
        parts=answer.parts,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        answer=answer,
    )


def produced_at(answer: Answer) -> int:
    """Unix milliseconds: the time of publication, less the waiting and running times in the answer."""
    spent = answer.timings
    return answer.published_at - (spent.queued_ns + spent.decode_ns + spent.infer_ns) // 1_000_000


def results_of(one: Result | JoinedResult) -> tuple[Result, ...]:
    """The results that are released together."""
    return one.results() if isinstance(one, JoinedResult) else (one,)
