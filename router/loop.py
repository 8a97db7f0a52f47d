"""The router: read frames, decide, send tasks, commit.

Official tasks are confirmed by the broker before the next frames are read. A shadow task holds only
its own commit, and only until it is delivered or, after `shadow_delivery_ms`, recorded as shed.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from msgspec import structs

from adapters.catalog import CatalogReader
from adapters.clock import now_ms
from adapters.kafka.confirming_producer import DeliveryError
from adapters.kafka.group_consumer import GroupConsumer
from adapters.kafka.record import Record, TopicPartition
from adapters.monitor import Monitor
from adapters.presence import Heart
from adapters.settings import RouterSettings
from adapters.topics import check_topics, topic_id
from adapters.traces import Span, Traces
from router.producers import Producers
from router.route import expires_at, route
from schemas.errors import Refused, RetryLater
from schemas.frames import Frame, Origin
from schemas.limits import BEAT_S, CATALOG_CONFIRM_S, COMMIT_EVERY_S, UNKNOWN_NAME_S
from schemas.metrics import CATALOG_AGE, FRAMES, LAG, REFUSED, ROUTE_SECONDS, SHED, TASKS
from schemas.pipelines import PipelineVersion
from schemas.results import (
    Answer,
    Timings,
    answer_before_routing,
    answer_of_slip,
    dead_letter,
    failure_value,
    why_expired,
)
from schemas.tasks import Task, task_headers
from schemas.topics import fixed_topics

log = logging.getLogger(__name__)

Outcome = Literal["routed", "refused", "expired"]


@dataclass(slots=True)
class Batch:
    """Frames that were read together, and their shadow tasks that are not settled yet."""

    catalog_offset: int
    """How far the catalog was read when the first of them was decided."""
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    shadows_open: int = 0


class Router:
    """One router process. `stopping` ends it after the batch at hand."""

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
        self._followed_s = float("-inf")
        self._followed = -1
        self._topic_id = topic_id(settings.brokers, topics.frames)
        self._producers = Producers(settings)
        self._consumer = GroupConsumer(settings.brokers, topics.router_group(), [topics.frames])
        self._heart = Heart(settings.brokers, topics.presence, "router", monitor.port)
        self._sent: deque[Batch] = deque()
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committed_s = time.monotonic()
        self._shown_s = float("-inf")
        for outcome in get_args(Outcome):
            self._meter.add(FRAMES, 0, outcome=outcome)  # from 0, so that the first one is a rise

    def run(self) -> None:
        """Read frames, decide, send tasks, commit."""
        while not self._stopping.is_set():
            self._follow_catalog()
            records = self._consumer.read(self._settings.router_batch_frames_max, wait_s=0.1)
            if self._catalog.age_s > self._settings.router_lease_s:
                self._follow_catalog()  # a rebalance may have taken longer than the lease
            batch = Batch(self._catalog.catalog.offset)
            read_s = time.monotonic()
            for record in records:
                self._send(record, batch)
                batch.offsets[record.place] = record.offset + 1
            self._producers.official.flush()
            if records:
                self._meter.observe(ROUTE_SECONDS, time.monotonic() - read_s)
            self._sent.append(batch)
            self._commit_settled(COMMIT_EVERY_S)
        self._close()

    def _follow_catalog(self) -> None:
        """The beat says how far we have read, as far as all that was decided before is delivered. A router that cannot
        confirm the catalog's end within its lease decides nothing."""
        self._catalog.follow()
        self._catalog.confirm(CATALOG_CONFIRM_S)
        while self._catalog.age_s > self._settings.router_lease_s and not self._stopping.is_set():
            log.warning("the catalog's end is not confirmed for %.1f s: nothing is sent", self._catalog.age_s)
            self._show(["Kafka to confirm the catalog's end"])
            self._catalog.confirm(CATALOG_CONFIRM_S)
        self._know_the_topics()
        self._show([] if self._consumer.joined else ["its share of the frames"])
        self._heart.beat(catalog_offset=delivered_to(self._sent, self._catalog.catalog.offset))

    def _know_the_topics(self) -> None:
        """Once in a while without news, too: an offer ends by the clock."""
        catalog = self._catalog.catalog
        if catalog.offset == self._followed and time.monotonic() - self._followed_s < BEAT_S:
            return
        self._producers.follow(dict(catalog.wanted_by(now_ms())))
        self._followed, self._followed_s = catalog.offset, time.monotonic()

    def _show(self, waits_for: list[str]) -> None:
        """What /ready says, and once in a while the gauges."""
        self._monitor.turned(waits_for)
        if time.monotonic() - self._shown_s > BEAT_S:
            self._shown_s = time.monotonic()
            self._meter.set(LAG, self._consumer.lag())
            self._meter.set(CATALOG_AGE, self._catalog.age_s)

    def _send(self, record: Record, batch: Batch) -> None:
        frame = self._frame(record)
        span = self._traces.start("route", frame.traceparent, "consumer")
        try:
            record.check_headers()
            outcome: Outcome = self._route(frame, batch, span)
        except Refused as refusal:
            outcome = "refused"
            span.failed(refusal.error)
            self._refuse(frame, refusal, span)
        self._meter.add(FRAMES, outcome=outcome)
        span.end()

    def _route(self, frame: Frame, batch: Batch, span: Span) -> Outcome:
        frame.check_size()
        version = self._live_version(frame)
        deadline = expires_at(frame, version)
        if deadline is not None and deadline < now_ms():
            self._expire(frame, deadline, span)
            return "expired"
        for task in route(frame, version):
            self._meter.add(TASKS, pipeline=str(version.pipeline), model=str(task.lane_of), lane=task.lane)
            traced = _traced(task, span) if self._traces.on else task
            if task.lane == "official":
                self._send_official(traced, span)
            else:
                self._send_shadow(traced, batch)
        return "routed"

    def _live_version(self, frame: Frame) -> PipelineVersion:
        """The version that answers now. An unknown name may be new: the catalog's end is read first."""
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

    def _send_official(self, task: Task, span: Span) -> None:
        topic = self._topics.work(task.lane_of, "official")

        def settled(error: DeliveryError | None) -> None:
            if error is None:
                return
            if not error.permanent:
                raise RetryLater(f"{topic}: {error}")
            self._refuse_task(task, Refused("ModelGone", f"{topic}: {error}; deploy() again", "route"), span)

        headers = task_headers(task.frame, task.slip)
        self._producers.official.send(topic, task.frame.key, task.frame.value, headers, settled)

    def _send_shadow(self, task: Task, batch: Batch) -> None:
        topic = self._topics.work(task.lane_of, "shadow")
        batch.shadows_open += 1

        def settled(error: DeliveryError | None) -> None:
            batch.shadows_open -= 1
            if error is not None:
                self._shed(task, f"{topic}: {error}")

        headers = task_headers(task.frame, task.slip)
        self._producers.shadow.send(topic, task.frame.key, task.frame.value, headers, settled)

    def _refuse(self, frame: Frame, refusal: Refused, span: Span) -> None:
        """A dead letter, with the bytes unless no topic takes them, and an error answer. The letter first: where the
        broker is lost between the two, the frame is read again, and may have expired by then."""
        self._bury(frame, refusal)
        value = failure_value(refusal.error, refusal.message, refusal.stage)
        self._answer(answer_before_routing(frame, "error", value, now_ms()), span)

    def _refuse_task(self, task: Task, refusal: Refused, span: Span) -> None:
        """As `_refuse`, for a frame that was routed: its answer says which version and model it was meant for."""
        self._bury(task.frame, refusal)
        value = failure_value(refusal.error, refusal.message, refusal.stage)
        self._answer(answer_of_slip(task.frame, task.slip, "error", value, now_ms(), Timings()), span)

    def _bury(self, frame: Frame, refusal: Refused) -> None:
        foreseen = refusal.error != "RouteFailed"
        log.log(
            logging.INFO if foreseen else logging.ERROR,
            *("refused: %s: %s", refusal.error, refusal.message),
            extra={"request_id": frame.request_id},
            exc_info=None if foreseen else refusal,
        )
        self._meter.add(REFUSED, error=refusal.error)
        self._producers.official.send(self._topics.deadletters, *dead_letter(frame, refusal, attempts=1))

    def _expire(self, frame: Frame, deadline: int, span: Span) -> None:
        message = why_expired(frame, deadline, "the router read the frame")
        value = failure_value("Expired", message, "route")
        self._answer(answer_before_routing(frame, "expired", value, now_ms()), span)

    def _shed(self, task: Task, why: str) -> None:
        """A challenger's task that was not delivered in time is recorded, and waits no longer."""
        self._meter.add(SHED, model=str(task.lane_of))
        value = failure_value("Shed", why, "route")
        answer = answer_of_slip(task.frame, task.slip, "shed", value, now_ms(), Timings())
        self._producers.official.send(self._topics.shadows, answer.key, answer.value, answer.headers())

    def _answer(self, answer: Answer, span: Span) -> None:
        headers = replace(answer, traceparent=span.traceparent).headers()
        self._producers.official.send(self._topics.results, answer.key, answer.value, headers)

    def _commit_settled(self, every_s: float) -> None:
        """Commit, oldest first, every batch whose shadow tasks are delivered or recorded as shed. Not after
        each frame: a commit costs the broker as much as a frame does."""
        self._producers.shadow.poll()
        if time.monotonic() - self._committed_s < every_s:
            return
        self._committed_s = time.monotonic()
        offsets, self._uncommitted = self._uncommitted, {}
        while self._sent and self._sent[0].shadows_open == 0:
            offsets |= self._sent.popleft().offsets
        self._producers.official.flush()
        try:
            self._consumer.commit(offsets)
        except RetryLater as error:
            # Another router has the partitions and reads these frames again (Redis keeps one answer), or the
            # group is on the move: then once more.
            log.warning("%s", error)
            self._uncommitted = {place: at for place, at in offsets.items() if place in self._consumer.assigned}

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
        self._commit_settled(0.0)
        self._consumer.close()
        self._heart.stop()
        self._catalog.close()
        self._traces.close()


def delivered_to(sent: Iterable[Batch], catalog_offset: int) -> int:
    """The catalog offset before which everything that was decided is delivered. Official tasks are at the end of their
    batch; a challenger's that is open may yet come to the topic of a model that is no longer needed.

    sent: oldest first. catalog_offset: how far the catalog is read.
    """
    return next((batch.catalog_offset for batch in sent if batch.shadows_open), catalog_offset)


def _traced(task: Task, span: Span) -> Task:
    """The task, whose answer belongs to the router's span."""
    return replace(task, slip=structs.replace(task.slip, traceparent=span.traceparent))
