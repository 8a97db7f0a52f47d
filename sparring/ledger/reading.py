"""The facts, read from the topics by time; Redis asked for each request."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from adapters.redis import AnswerIndex
from schemas.catalog import Catalog
from schemas.errors import Refused
from schemas.frames import Frame, Origin
from schemas.names import PipelineName
from schemas.pipelines import PipelineVersion
from schemas.results import Answer, digest, left_out
from sparring.connection import Connection
from sparring.ledger.account import Index, Report, account
from sparring.ledger.decisions import decisions, is_routable, live_since
from sparring.ledger.facts import Dead, Sent, Told
from sparring.records import RecordStream

Progress = Callable[[str, int], None]
"""Told of each topic and how many of its records are read."""

SWITCH_SLACK_MS: Final = 60_000
"""A frame may have waited on its topic while a version came and went; and clocks differ."""


def verify(
    connection: Connection,
    since: int,
    until: int,
    pipeline: PipelineName | None = None,
    *,
    index: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Account for every frame that was produced from `since` until before `until`, Unix milliseconds.

    It holds some hundred bytes for each frame. Answers are read from `since` to the topics' ends.

    Args:
        connection: where the system is.
        since: the first frame's time.
        until: later frames are left out: their answers may be on their way.
        pipeline: its frames only; None: all.
        index: ask Redis too, for each request.
        progress: told of each topic as it is read.

    Raises:
        ConnectionError: Kafka does not answer.
        RetryLater: Redis does not answer.
    """
    told = progress or (lambda _topic, _count: None)
    sent = list(_sent(connection, since, until, pipeline, told))
    topics = connection.topics
    return account(
        sent,
        _told(connection, topics.results, since - SWITCH_SLACK_MS, told),
        _told(connection, topics.shadows, since - SWITCH_SLACK_MS, told),
        _dead(connection, since - SWITCH_SLACK_MS, told),
        _held(connection.answers) if index else None,
    )


def _sent(
    connection: Connection, since: int, until: int, pipeline: PipelineName | None, progress: Progress
) -> Iterator[Sent]:
    catalog = connection.catalog()
    topic_id = connection.broker.topic_id(connection.topics.frames)
    live: dict[PipelineName, tuple[PipelineVersion, ...]] = {}
    for record in _records(connection, connection.topics.frames, since, progress):
        if not since <= record.timestamp < until:
            continue  # a camera's clock may be wrong, and records lie in the order of their coming
        frame = Frame(
            key=record.key,
            value=record.value or b"",
            headers=tuple(record.headers),
            origin=Origin(record.topic, record.partition, record.offset),
            produced_at=record.timestamp,
            topic_id=topic_id,
        )
        name = _pipeline(frame)
        if pipeline is None or name == pipeline:
            yield _fact(frame, name, live, catalog, since)


def _fact(
    frame: Frame,
    name: PipelineName | None,
    live: dict[PipelineName, tuple[PipelineVersion, ...]],
    catalog: Catalog,
    since: int,
) -> Sent:
    versions: tuple[PipelineVersion, ...] = ()
    routable = False
    if name is not None and name in catalog.pipelines:
        if name not in live:
            live[name] = live_since(catalog.pipelines[name], since - SWITCH_SLACK_MS)
        versions = live[name]
    decided = decisions(frame, versions)
    if versions and name is not None:
        routable = is_routable(frame, catalog.pipelines[name], since - SWITCH_SLACK_MS, decided)
    return Sent(
        origin=str(frame.origin),
        partition=frame.origin.partition,
        offset=frame.origin.offset,
        key=frame.key,
        request_id=frame.request_id,
        pipeline=None if name is None else str(name),
        digest=None if frame.refers else digest(frame.value),
        decisions=decided,
        routable=routable,
    )


def _told(connection: Connection, topic: str, since: int, progress: Progress) -> Iterator[Told]:
    for record in _records(connection, topic, since, progress):
        try:
            answer = Answer.from_record(record.key, record.value or b"", list(record.headers))
        except ValueError:
            continue  # a stranger's record: no frame is answered by it
        failure = None if answer.status == "ok" else answer.failure()
        yield Told(
            origin=answer.frame,
            partition=record.partition,
            offset=record.offset,
            request_id=answer.request_id,
            pipeline=answer.pipeline,
            status=answer.status,
            pipeline_version=answer.pipeline_version,
            model=None if answer.model is None else f"{answer.model}@{answer.model_version}",
            sha256=answer.model_sha256,
            digest=answer.frame_digest,
            value_digest=digest(answer.value),
            error=None if failure is None else failure.error,
            by_router=failure is not None and failure.stage == "route",
        )


def _dead(connection: Connection, since: int, progress: Progress) -> Iterator[Dead]:
    for record in _records(connection, connection.topics.deadletters, since, progress):
        text = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
        if "frame" in text and "error" in text:
            _, of_frame = left_out(list(record.headers)) or (0, digest(record.value or b""))
            yield Dead(text["frame"], text.get("request-id", ""), text["error"], of_frame)


def _records(connection: Connection, topic: str, since: int, progress: Progress) -> Iterator[Any]:
    with RecordStream(connection.broker, topic, since) as records:
        for count, record in enumerate(records, start=1):
            progress(topic, count)
            yield record


def _held(index: AnswerIndex) -> Index:
    def official(request_id: str, pipeline: str) -> tuple[str, str] | None:
        held = index.read(request_id, pipeline).official
        return None if held is None else (held.frame, digest(held.value))

    return official


def _pipeline(frame: Frame) -> PipelineName | None:
    try:
        return frame.pipeline
    except Refused:
        return None
