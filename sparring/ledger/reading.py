"""`verify`: the facts are read from the topics, Redis is asked for each request, and the account is made."""

from collections.abc import Iterable
from typing import Final

from adapters.clock import now_ms
from schemas.names import PipelineName
from schemas.results import digest
from sparring.broker import topic_configs
from sparring.connection import Connection
from sparring.ledger.account import Index, NoLongerKept, Report, account
from sparring.ledger.facts import Held, Sent, Told
from sparring.ledger.live import SWITCH_SLACK_MS
from sparring.ledger.topics import Progress, Said, Topics, pipeline_of
from sparring.records import cut_partitions

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
) -> Report:
    """Account for every frame that was produced from `since` until before `until`, Unix milliseconds.

    It holds about 1.3 kB for each frame and its answer, 0.4 kB for each challenger's. Frames and answers are read from
    `since` to the topics' ends; where something does not hold, the answers of the hour before, too.

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


def _by_origin(facts: Iterable[Sent]) -> dict[str, Sent]:
    return {fact.origin: fact for fact in facts}


def _account(sent: dict[str, Sent], said: Said, index: Index | None = None) -> Report:
    return account(list(sent.values()), said.results, said.shadows, said.dead, index)


def _doubtful(sent: dict[str, Sent], said: Said) -> set[str]:
    """Frames that may have been decided right, by a version that was not known of when they were read."""
    return {one.origin for one in _account(sent, said).findings if one.kind == "wrong decision"}


def _decided_again(
    connection: Connection, topics: Topics, since: int, until: int, doubtful: set[str]
) -> dict[str, Sent]:
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
    return len(cut_partitions(broker, frames, since))


def _held(connection: Connection) -> Index:
    ttl_ms = connection.settings.result_ttl_s * 1000

    def official(told: Told) -> Held | NoLongerKept | None:
        held = connection.answers.read(told.request_id, told.pipeline).official
        if held is not None:
            return Held(held.frame, held.request_id, held.pipeline, digest(held.value))
        return "no longer kept" if told.published_at + ttl_ms <= now_ms() else None

    return official
