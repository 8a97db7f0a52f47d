"""The facts as they lie on the topics: the frames of a time, and what was said of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from schemas.catalog import Catalog, Pipeline
from schemas.errors import Refused
from schemas.frames import Frame, Origin
from schemas.names import PipelineName
from schemas.results import Answer, digest, left_out
from sparring.connection import Connection
from sparring.ledger.decisions import decisions, refused_anyhow
from sparring.ledger.facts import Dead, Decision, Routed, Sent, Told
from sparring.ledger.live import live_between
from sparring.ledger.shared import Shared
from sparring.records import RecordStream

Progress = Callable[[str, int], None]
"""Told of each topic and how many of its records are read."""


@dataclass(slots=True)
class Said:
    """What was said of frames, in the order in which it lies on its topics."""

    results: list[Told]
    shadows: list[Told]
    dead: list[Dead]

    def __add__(self, later: Self) -> Self:
        return type(self)(self.results + later.results, self.shadows + later.shadows, self.dead + later.dead)


class Topics:
    """The topics of a running system, read for facts. ConnectionError where Kafka does not answer."""

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self._connection = connection
        self._progress = progress
        self._names = connection.topics
        self._shared = Shared()

    def frames(self, since: int, until: int) -> Iterator[Frame]:
        """Those produced from `since` until before `until`, Unix milliseconds. Read to the topic's end: they lie in
        the order of their coming, and a camera's clock may be wrong, or the camera may have waited for its network."""
        topic_id = self._connection.broker.topic_id(self._names.frames)
        for record in self._records(self._names.frames, since):
            if since <= record.timestamp < until:
                origin = Origin(record.topic, record.partition, record.offset)
                headers = tuple(record.headers)
                yield Frame(record.key, record.value or b"", headers, origin, record.timestamp, topic_id)

    def fact(self, frame: Frame, catalog: Catalog, since: int) -> Sent:
        """What is kept of a frame, decided by each version that was live from `since` on."""
        name = pipeline_of(frame)
        pipeline = (catalog.pipelines.get(name) if name is not None else None) or Pipeline()
        return Sent(
            origin=str(frame.origin),
            partition=frame.origin.partition,
            offset=frame.origin.offset,
            key=self._shared.one(frame.key),
            request_id=frame.request_id,
            pipeline=None if name is None else self._shared.one(str(name)),
            digest=None if frame.refers else digest(frame.value),
            decisions=self._decisions(frame, pipeline, since),
            produced_at=frame.produced_at,
            history=pipeline.history,
            refused=refused_anyhow(frame),
        )

    def said(self, of: Mapping[str, Sent], since: int, until: int | None = None) -> Said:
        """What was said of these frames, by origin, from `since` on; until: None: to the topics' ends."""
        return Said(
            list(self._told(self._names.results, of, since, until)),
            list(self._told(self._names.shadows, of, since, until)),
            list(self._dead(of, since, until)),
        )

    def _decisions(self, frame: Frame, pipeline: Pipeline, since: int) -> Mapping[str, Decision]:
        live = live_between(pipeline.history, since)
        decided = decisions(frame, (pipeline.versions[version] for version in live if version is not None))
        kept = {version: self._shared.one(decision) for version, decision in decided.items()}
        return self._shared.of(tuple(kept.items()), kept)

    def _told(self, topic: str, of: Mapping[str, Sent], since: int, until: int | None) -> Iterator[Told]:
        for record in self._records(topic, since, until):
            try:
                answer = Answer.from_record(record.key, record.value or b"", list(record.headers))
            except ValueError:
                continue  # a stranger's record: no frame is answered by it
            if (frame := of.get(answer.frame)) is not None:
                yield told_of(frame, answer, record, self._shared)

    def _dead(self, of: Mapping[str, Sent], since: int, until: int | None) -> Iterator[Dead]:
        for record in self._records(self._names.deadletters, since, until):
            text = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
            if "error" in text and (frame := of.get(text.get("frame", ""))) is not None:
                error = self._shared.one(text["error"])
                _, of_frame = left_out(list(record.headers)) or (0, digest(record.value or b""))
                yield Dead(frame.origin, error, of_frame)

    def _records(self, topic: str, since: int, until: int | None = None) -> Iterator[Any]:
        with RecordStream(self._connection.broker, topic, since, until) as records:
            for count, record in enumerate(records, start=1):
                self._progress(topic, count)
                yield record


def pipeline_of(frame: Frame) -> PipelineName | None:
    """None where its header names none."""
    try:
        return frame.pipeline
    except Refused:
        return None


def told_of(frame: Sent, answer: Answer, record: Any, shared: Shared) -> Told:
    """What is kept of an answer. Nearly always it repeats what its frame says: then that is kept once."""
    error, stage = _failure(answer)
    return Told(
        origin=frame.origin,
        partition=record.partition,
        offset=record.offset,
        request_id=frame.request_id if frame.request_id == answer.request_id else answer.request_id,
        pipeline=shared.one(answer.pipeline),
        status=answer.status,
        published_at=answer.published_at,
        pipeline_version=shared.one(answer.pipeline_version),
        routed=shared.one(Routed.said(answer)),
        digest=frame.digest if frame.digest == answer.frame_digest else answer.frame_digest,
        value_digest=digest(answer.value),
        error=shared.one(error),
        by_router=stage == "route",
    )


def _failure(answer: Answer) -> tuple[str | None, str | None]:
    """The error and the stage of an answer that is not `ok`; None where its writer, a stranger, did not say them."""
    if answer.status == "ok":
        return None, None
    try:
        failure = answer.failure()
    except ValueError:
        return None, None
    return failure.error, failure.stage
