"""Reads the facts: frames of a time from their topics, their answers and dead letters, and Redis.

`verify` reads them and makes the account. `Shared` keeps each of equal values once: a million frames name a few
models, versions and decisions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from adapters.clock import now_ms
from schemas.catalog import Catalog, Pipeline
from schemas.errors import Refused
from schemas.frames import Frame, Origin
from schemas.names import PipelineName
from schemas.results import Answer, digest, left_out
from sparring.kafka.broker import topic_configs
from sparring.kafka.records import RecordStream, truncated_partitions
from sparring.ledger.account import SWITCH_SLACK_MS, IndexLookup, LedgerReport, NoLongerKept, account, live_between
from sparring.ledger.decisions import decisions, refused_anyhow
from sparring.ledger.facts import DeadLetterFact, Decision, IndexedAnswer, ObservedAnswer, ObservedFrame, Routed
from sparring.system.connection import Connection

T = TypeVar("T")


class Shared:
    """What was seen so far. For values of which there are few; those that are equal must mean the same."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}

    def one(self, value: T) -> T:
        """The first that was equal to this one."""
        found: T = self._seen.setdefault(value, value)
        return found

    def of(self, key: object, value: T) -> T:
        """The first value with an equal key."""
        found: T = self._seen.setdefault(key, value)
        return found


Progress = Callable[[str, int], None]
"""Told of each topic and how many of its records are read."""


@dataclass(slots=True)
class Said:
    """Answers and dead letters of frames, in the order of their topics."""

    results: list[ObservedAnswer]
    shadows: list[ObservedAnswer]
    dead: list[DeadLetterFact]

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

    def fact(self, frame: Frame, catalog: Catalog, since: int) -> ObservedFrame:
        """What is kept of a frame, decided by each version that was live from `since` on."""
        name = pipeline_of(frame)
        pipeline = (catalog.pipelines.get(name) if name is not None else None) or Pipeline()
        return ObservedFrame(
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

    def said(self, of: Mapping[str, ObservedFrame], since: int, until: int | None = None) -> Said:
        """The answers and dead letters of these frames, from `since` on; until: None: to the topics' ends."""
        return Said(
            list(self._answers(self._names.results, of, since, until)),
            list(self._answers(self._names.shadows, of, since, until)),
            list(self._dead(of, since, until)),
        )

    def _decisions(self, frame: Frame, pipeline: Pipeline, since: int) -> Mapping[str, Decision]:
        live = live_between(pipeline.history, since)
        decided = decisions(frame, (pipeline.versions[version] for version in live if version is not None))
        kept = {version: self._shared.one(decision) for version, decision in decided.items()}
        return self._shared.of(tuple(kept.items()), kept)

    def _answers(
        self, topic: str, of: Mapping[str, ObservedFrame], since: int, until: int | None
    ) -> Iterator[ObservedAnswer]:
        for record in self._records(topic, since, until):
            try:
                answer = Answer.from_record(record.key, record.value or b"", list(record.headers))
            except ValueError:
                continue  # a stranger's record: no frame is answered by it
            if (frame := of.get(answer.frame)) is not None:
                yield observed(frame, answer, record, self._shared)

    def _dead(self, of: Mapping[str, ObservedFrame], since: int, until: int | None) -> Iterator[DeadLetterFact]:
        for record in self._records(self._names.deadletters, since, until):
            text = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
            if "error" in text and (frame := of.get(text.get("frame", ""))) is not None:
                error = self._shared.one(text["error"])
                _, of_frame = left_out(list(record.headers)) or (0, digest(record.value or b""))
                yield DeadLetterFact(frame.origin, error, of_frame)

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


def observed(frame: ObservedFrame, answer: Answer, record: Any, shared: Shared) -> ObservedAnswer:
    """The facts of an answer. Values that equal its frame's are kept once."""
    error, stage = _failure(answer)
    return ObservedAnswer(
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


AHEAD_MS_MAX: Final = 3_600_000
"""How far a camera's clock may be ahead: then its frames were answered that long before their own time. A broker
refuses what is further ahead (`message.timestamp.after.max.ms`)."""

CUT: Final = "partitions that no longer hold this time's first frames"
"""The count of them; it is there where there are some."""


def verify(
    connection: Connection,
    since: int,
    until: int,
    pipeline: PipelineName | None = None,
    *,
    index: bool = True,
    progress: Progress | None = None,
) -> LedgerReport:
    """Account for every frame that was produced from `since` until before `until`, Unix milliseconds.

    It holds about 1.3 kB for each frame and its answer, 0.4 kB for each challenger's. Frames and answers are read from
    `since` to the topics' ends; where something does not hold, the answers of the hour before, too.

    Args:
        connection: where the system is.
        since: the first frame's time.
        until: later frames are left out: their answers may be on their way.
        pipeline: its frames only; None: all.
        index: ask Redis too, for each request.
        progress: called with the name and the count of each topic as it is read.

    Raises:
        ConnectionError: Kafka does not answer.
        RetryLater: Redis does not answer.
    """
    topics = Topics(connection, progress or (lambda _topic, _count: None))
    catalog = connection.catalog()
    frames = (one for one in topics.frames(since, until) if pipeline is None or pipeline_of(one) == pipeline)
    sent = _by_origin(topics.fact(frame, catalog, frame.produced_at - SWITCH_SLACK_MS) for frame in frames)
    said = topics.said(sent, since - SWITCH_SLACK_MS)
    if not _account(sent, said).in_order:
        said = topics.said(sent, since - AHEAD_MS_MAX - SWITCH_SLACK_MS, since - SWITCH_SLACK_MS) + said
        sent |= _decided_again(connection, topics, since, until, _doubtful(sent, said))
    report = _account(sent, said, _held(connection) if index else None)
    if cut := _cut(connection, since):
        report.counts[CUT] = cut
    return report


def _by_origin(facts: Iterable[ObservedFrame]) -> dict[str, ObservedFrame]:
    return {fact.origin: fact for fact in facts}


def _account(sent: dict[str, ObservedFrame], said: Said, index: IndexLookup | None = None) -> LedgerReport:
    return account(list(sent.values()), said.results, said.shadows, said.dead, index)


def _doubtful(sent: dict[str, ObservedFrame], said: Said) -> set[str]:
    """Frames that may have been decided right, by a version that was not known of when they were read."""
    return {one.origin for one in _account(sent, said).findings if one.kind == "wrong decision"}


def _decided_again(
    connection: Connection, topics: Topics, since: int, until: int, doubtful: set[str]
) -> dict[str, ObservedFrame]:
    """Those frames by every version that ever was live, also since they were read: a camera's clock may be ahead."""
    if not doubtful:
        return {}
    catalog = connection.catalog()
    frames = (frame for frame in topics.frames(since, until) if str(frame.origin) in doubtful)
    return _by_origin(topics.fact(frame, catalog, since=0) for frame in frames)


def _cut(connection: Connection, since: int) -> int:
    """How many partitions no longer hold what came first in this time. While that is still kept, what a quiet one has
    lost is older."""
    broker, frames = connection.broker, connection.topics.frames
    with broker.admin(f"the settings of {frames} could not be read") as admin:
        kept_ms = int(topic_configs(admin, [frames])[frames]["retention.ms"])
    if kept_ms < 0 or since >= now_ms() - kept_ms:
        return 0
    return len(truncated_partitions(broker, frames, since))


def _held(connection: Connection) -> IndexLookup:
    ttl_ms = connection.settings.result_ttl_s * 1000

    def official(answer: ObservedAnswer) -> IndexedAnswer | NoLongerKept | None:
        held = connection.answers.read(answer.request_id, answer.pipeline).official
        if held is not None:
            return IndexedAnswer(held.frame, held.request_id, held.pipeline, digest(held.value))
        return "no longer kept" if answer.published_at + ttl_ms <= now_ms() else None

    return official
