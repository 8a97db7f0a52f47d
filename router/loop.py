"""The router: read frames, decide, send tasks, commit.

The broker confirms the official tasks of a batch before the next batch is read. A shadow task delays only the
commit of its batch, until it is delivered or, after `shadow_delivery_ms`, recorded as shed.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from msgspec import structs

from adapters.catalog import CatalogReader
from adapters.clock import now_ms
from adapters.kafka.confirming_producer import DeliveryError
from adapters.kafka.group_consumer import GroupConsumer
from adapters.kafka.record import Record, TopicPartition
from adapters.monitor import Monitor
from adapters.presence import Heartbeat
from adapters.settings import RouterSettings
from adapters.topics import check_topics, topic_id
from adapters.traces import Span, Traces
from router import replies
from router.producers import Producers
from router.replies import Reply
from router.route import expires_at, route
from schemas.errors import Refused, RetryLater
from schemas.frames import Frame, Origin
from schemas.limits import BEAT_S, CATALOG_CONFIRM_S, COMMIT_EVERY_S, UNKNOWN_NAME_S
from schemas.metrics import CATALOG_AGE, FRAMES, LAG, REFUSED, ROUTE_SECONDS, SHED, TASKS
from schemas.pipelines import PipelineVersion
from schemas.tasks import Task, task_headers
from schemas.topics import fixed_topics

log = logging.getLogger(__name__)

FrameOutcome = Literal["routed", "refused", "expired"]


@dataclass(slots=True)
class FrameBatch:
    """Frames that were read together."""

    catalog_offset: int
    """The catalog's offset when the first of them was decided."""
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    """Per partition the next offset to read."""
    shadows_open: int = 0
    """Shadow tasks that are neither delivered nor recorded as shed."""


class Router:
    """One router process. `stopping` ends it after the present batch."""

    def run(self) -> None:
        """Read frames, decide, send tasks, commit."""
        while not self._stopping.is_set():
            self._refresh_catalog()
            records = self._read()
            batch = FrameBatch(self._catalog.catalog.offset)
            with self._timed(records):
                for record in records:
                    for decided in self._decide(record):
                        self._send(decided, batch)
                    batch.offsets[record.place] = record.offset + 1
                self._producers.official.flush()
            self._sent.append(batch)
            self._commit(COMMIT_EVERY_S)
        self._close()

    def __init__(self, settings: RouterSettings, stopping: threading.Event, monitor: Monitor) -> None:
        topics = settings.topics
        self._settings = settings
        self._topics = topics
        self._stopping = stopping
        self._monitor = monitor
        self._meter = monitor.meter
        self._traces = Traces(settings.traces, "router")
        check_topics(settings.brokers, fixed_topics(settings.namespace))
        self._catalog = CatalogReader(settings.brokers, topics.catalog)
        self._catalog.refresh()
        self._prefetched_at_s = float("-inf")
        self._prefetched_offset = -1
        self._topic_id = topic_id(settings.brokers, topics.frames)
        self._producers = Producers(settings)
        self._consumer = GroupConsumer(settings.brokers, topics.router_group(), [topics.frames])
        self._heart = Heartbeat(settings.brokers, topics.presence, "router", monitor.port)
        self._sent: deque[FrameBatch] = deque()
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committed_at_s = time.monotonic()
        self._gauges_set_at_s = float("-inf")
        for outcome in get_args(FrameOutcome):
            self._meter.add(FRAMES, 0, outcome=outcome)  # a counter that starts at 0 shows its first increase

    def _read(self) -> list[Record]:
        """The next frames. A rebalance within the read may outlast the lease of the catalog: it is confirmed again."""
        records = self._consumer.read(self._settings.router_batch_frames_max, wait_s=0.1)
        if self._catalog.age_s > self._settings.router_lease_s:
            self._refresh_catalog()
        return records

    def _decide(self, record: Record) -> list[Task | Reply]:
        """What is sent for one frame: a task per path, or the records that end it here."""
        frame = self._frame(record)
        span = self._traces.start("route", frame.traceparent, "consumer")
        try:
            record.check_headers()
            frame.check_size()
            version = self._live_version(frame)
            deadline_ms = expires_at(frame, version)
            decided: list[Task | Reply]
            if deadline_ms is not None and deadline_ms < now_ms():
                outcome: FrameOutcome = "expired"
                decided = [*replies.expired(self._topics, frame, deadline_ms, span.traceparent, now_ms())]
            else:
                outcome = "routed"
                decided = [_traced(task, span) if self._traces.on else task for task in route(frame, version)]
        except Refused as refusal:
            outcome = "refused"
            span.failed(refusal.error)
            self._record_refusal(frame, refusal)
            decided = [*replies.refused(self._topics, frame, refusal, span.traceparent, now_ms())]
        self._meter.add(FRAMES, outcome=outcome)
        span.end()
        return decided

    def _send(self, decided: Task | Reply, batch: FrameBatch) -> None:
        if isinstance(decided, Reply):
            self._producers.official.send(*decided)
            return
        self._meter.add(TASKS, pipeline=str(decided.slip.pipeline), model=str(decided.lane_of), lane=decided.lane)
        if decided.lane == "official":
            self._send_official(decided)
        else:
            self._send_shadow(decided, batch)

    def _send_official(self, task: Task) -> None:
        topic = self._topics.work(task.lane_of, "official")

        def settled(error: DeliveryError | None) -> None:
            if error is None:
                return
            if not error.permanent:
                raise RetryLater(f"{topic}: {error}")
            refusal = Refused("ModelGone", f"{topic}: {error}; deploy() again", "route")
            self._record_refusal(task.frame, refusal)
            for reply in replies.undeliverable(self._topics, task, refusal, now_ms()):
                self._producers.official.send(*reply)

        headers = task_headers(task.frame, task.slip)
        self._producers.official.send(topic, task.frame.key, task.frame.value, headers, settled)

    def _send_shadow(self, task: Task, batch: FrameBatch) -> None:
        topic = self._topics.work(task.lane_of, "shadow")
        batch.shadows_open += 1

        def settled(error: DeliveryError | None) -> None:
            batch.shadows_open -= 1
            if error is not None:
                self._meter.add(SHED, model=str(task.lane_of))
                for reply in replies.shed(self._topics, task, f"{topic}: {error}", now_ms()):
                    self._producers.official.send(*reply)

        headers = task_headers(task.frame, task.slip)
        self._producers.shadow.send(topic, task.frame.key, task.frame.value, headers, settled)

    def _commit(self, every_s: float) -> None:
        """Commit, oldest first, every batch whose shadow tasks are delivered or recorded as shed.

        At most once per `every_s`: a commit costs the broker as much as a frame does.
        """
        self._producers.shadow.poll()
        if time.monotonic() - self._committed_at_s < every_s:
            return
        self._committed_at_s = time.monotonic()
        offsets, self._uncommitted = self._uncommitted, {}
        while self._sent and self._sent[0].shadows_open == 0:
            offsets |= self._sent.popleft().offsets
        self._producers.official.flush()
        try:
            self._consumer.commit(offsets)
        except RetryLater as error:
            # Another router has the partitions and reads these frames again (Redis keeps one answer), or the
            # group rebalances: then the next commit includes them.
            log.warning("%s", error)
            self._uncommitted = {
                partition: offset for partition, offset in offsets.items() if partition in self._consumer.assigned
            }

    def _refresh_catalog(self) -> None:
        """Read the catalog. While its end is unconfirmed for longer than the lease, block: nothing is routed on stale
        data. The heartbeat carries the catalog offset up to which everything decided is delivered."""
        self._catalog.follow()
        self._catalog.confirm(CATALOG_CONFIRM_S)
        while self._catalog.age_s > self._settings.router_lease_s and not self._stopping.is_set():
            log.warning("the catalog's end is not confirmed for %.1f s: nothing is sent", self._catalog.age_s)
            self._report(["Kafka to confirm the catalog's end"])
            self._catalog.confirm(CATALOG_CONFIRM_S)
        self._prefetch_topics()
        self._report([] if self._consumer.joined else ["its share of the frames"])
        self._heart.beat(catalog_offset=delivered_to(self._sent, self._catalog.catalog.offset))

    def _prefetch_topics(self) -> None:
        """Fetch the metadata of the work topics when the catalog changes, and once per heartbeat interval: an offer
        ends by the clock, without a record."""
        catalog = self._catalog.catalog
        if catalog.offset == self._prefetched_offset and time.monotonic() - self._prefetched_at_s < BEAT_S:
            return
        self._producers.follow(dict(catalog.wanted_by(now_ms())))
        self._prefetched_offset, self._prefetched_at_s = catalog.offset, time.monotonic()

    def _report(self, waits_for: list[str]) -> None:
        """Update readiness, and once per heartbeat interval the gauges."""
        self._monitor.turned(waits_for)
        if time.monotonic() - self._gauges_set_at_s > BEAT_S:
            self._gauges_set_at_s = time.monotonic()
            self._meter.set(LAG, self._consumer.lag())
            self._meter.set(CATALOG_AGE, self._catalog.age_s)

    def _live_version(self, frame: Frame) -> PipelineVersion:
        """The live version of the frame's pipeline. An unknown name may be new: the catalog is read to its end first.

        Raises:
            Refused: there is no such pipeline, or it is not deployed.
        """
        name = frame.pipeline
        version = self._catalog.catalog.live(name)
        if version is None:
            self._catalog.confirm(UNKNOWN_NAME_S)
            version = self._catalog.catalog.live(name)
        if version is not None:
            return version
        if name in self._catalog.catalog.pipelines:
            raise Refused("NotDeployed", f"pipeline {name} is not deployed; call deploy() first", "route")
        raise Refused(
            "UnknownPipeline",
            f"there is no pipeline {name}; expected the name of a deployed pipeline, `name` or `workspace/name`",
            "route",
        )

    def _record_refusal(self, frame: Frame, refusal: Refused) -> None:
        """Log and count a refusal. `RouteFailed` is a fault of ours: it is logged as an error, with its traceback."""
        expected = refusal.error != "RouteFailed"
        log.log(
            logging.INFO if expected else logging.ERROR,
            *("refused: %s: %s", refusal.error, refusal.message),
            extra={"request_id": frame.request_id},
            exc_info=None if expected else refusal,
        )
        self._meter.add(REFUSED, error=refusal.error)

    @contextmanager
    def _timed(self, records: Sequence[Record]) -> Iterator[None]:
        """Observe how long a batch takes, unless it is empty."""
        begun_at_s = time.monotonic()
        yield
        if records:
            self._meter.observe(ROUTE_SECONDS, time.monotonic() - begun_at_s)

    def _frame(self, record: Record) -> Frame:
        return Frame(
            key=record.key,
            value=record.value or b"",
            headers=tuple(record.headers),
            origin=Origin(record.topic, record.partition, record.offset),
            produced_at=record.timestamp,
            topic_id=self._topic_id,
        )

    def _close(self) -> None:
        """Stop in the order in which data flows: drain, flush, commit, leave."""
        self._producers.drain_shadow()
        self._commit(0.0)
        self._consumer.close()
        self._heart.stop()
        self._catalog.close()
        self._traces.close()


def delivered_to(sent: Iterable[FrameBatch], catalog_offset: int) -> int:
    """The catalog offset up to which everything decided is delivered.

    Official tasks are delivered at the end of their batch. An open shadow task may still reach the topic of a model
    that no version needs any more.

    Args:
        sent: the batches that are not committed, oldest first.
        catalog_offset: the offset up to which the catalog is read.
    """
    return next((batch.catalog_offset for batch in sent if batch.shadows_open), catalog_offset)


def _traced(task: Task, span: Span) -> Task:
    """The task with the router's span as the parent of its answer's span."""
    return replace(task, slip=structs.replace(task.slip, traceparent=span.traceparent))
