"""The model process: read tasks, run, publish, commit.

One model version, one lane: its own consumer, session, threads and producer. The main thread reads
and commits; inference threads run and publish. An exception that is bound to one message is its
answer; any other ends the process, and Kafka delivers what was not committed to the next one.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adapters.kafka.confirming_producer import ConfirmingProducer
from adapters.kafka.group_consumer import GroupConsumer
from adapters.kafka.record import Committed, Record, TopicPartition
from adapters.monitor import Monitor
from adapters.presence import Heart
from adapters.settings import InferenceSettings
from schemas.errors import Refused, RetryLater
from schemas.frames import Frame, Origin
from schemas.limits import COMMIT_EVERY_S, STOP_S_MAX
from schemas.names import ModelKey
from schemas.results import Timings, dead_letter
from schemas.tasks import Slip, split_slip
from schemas.topics import Lane
from workers.inference.allocator import keep_buffers
from workers.inference.answering import RowTime, answer_together, batch_rows_max, path_of, refused
from workers.inference.attempts import CLOSED, OPEN, Quarantine, attempt_note, suspicion
from workers.inference.fetching import Fetcher
from workers.inference.in_flight import Finished, InFlight, Ticket, confirmation
from workers.inference.recorder import Recorder
from workers.inference.shed_policy import ShedPolicy
from workers.inference.version_cache import LoadedVersion, VersionCache
from workers.inference.watchdog import Watchdog, end_with_parent

log = logging.getLogger(__name__)

_IDLE_S: Final = 0.05
_STORE_AGAIN_S: Final = 0.5
_LOAD_TURN_S: Final = 5.0
"""A task waits this long in one go for its version to be loaded, then lets others have theirs."""
CRASHED: Final = 1
"""Exit code after an error that is bound to no message."""


class ModelProcess:
    """`python -m workers inference`. `stopping` ends it: drained, flushed, committed."""

    def __init__(
        self, settings: InferenceSettings, model: ModelKey, lane: Lane, stopping: threading.Event, monitor: Monitor
    ) -> None:
        keep_buffers()
        if lane == "shadow":
            os.nice(settings.shadow_niceness)
        if settings.parent_pipe:
            end_with_parent(stopping)
        self._settings = settings
        self._shed_policy = ShedPolicy(settings.shadow_age_ms_max, settings.shadow_shed_after_ms)
        self._topics = settings.topics
        self._model = model
        self._lane: Lane = lane
        self._stopping = stopping
        self._crash: BaseException | None = None
        self._suspicions: dict[TopicPartition, Quarantine] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._first: dict[TopicPartition, int] = {}
        self._settled: dict[TopicPartition, int] = {}
        self._committed_s = time.monotonic()
        self._monitor = monitor
        self._record = Recorder(settings, monitor.meter, model, lane)
        self._versions = VersionCache(settings, model, lane)
        self._watchdog = Watchdog(settings.run_ms_max)
        self._row_time = RowTime(settings.run_ms_max / 1000, self._watchdog.again)
        self._fetcher = Fetcher(settings.reference_roots, lane, self._shed_policy, self._watchdog, stopping)
        self._producer = ConfirmingProducer(settings.brokers)
        self._producer.prefetch_metadata((self._topics.results, self._topics.shadows, self._topics.deadletters))
        self._in_flight = InFlight(self._publish)
        self._queue: deque[Ticket] = deque()
        self._queued = threading.Condition()
        self._heart = Heart(settings.brokers, self._topics.presence, "inference", monitor.port)
        topic = self._topics.work(model, lane)
        self._consumer = GroupConsumer(settings.brokers, topic, [topic], self._assigned, self._revoked, self._lost)
        for number in range(settings.threads):
            threading.Thread(target=self._work, name=f"inference-{number}", daemon=True).start()

    def run(self) -> None:
        """Read tasks, run, publish, commit."""
        try:
            while not self._stopping.is_set():
                self._versions.follow()
                if hanging := self._versions.left_behind():
                    log.error("the load of %s hangs and is no longer needed: the process ends", ", ".join(hanging))
                    break
                self._say_what_is_warm()
                self._record.backlog(self._consumer, self._in_flight.running)
                self._take_all(self._read())
                self._raise_a_crash()
                self._commit(OPEN, every_s=COMMIT_EVERY_S)
            self._close()
        except BaseException:
            # At once: a thread that hangs would keep the process, and with it the group's partitions.
            log.exception("the process ends; Kafka delivers again what is not committed")
            os._exit(CRASHED)

    # --- the main thread: read, take, commit -----------------------------------------------

    def _read(self) -> list[Record]:
        room = self._in_flight.wait_for_room(self._settings.in_flight_max, _IDLE_S)
        if room == 0 or len(self._in_flight) >= 4 * self._settings.in_flight_max:
            return []
        return self._consumer.read(room, _IDLE_S)

    def _take_all(self, records: list[Record]) -> None:
        """A commit in between may lose a partition, and get it again: then its records are read again."""
        turns = {record.place: self._consumer.assignment_epoch(record.place) for record in records}
        for record in records:
            if self._has(record, turns[record.place]):
                self._take(record)

    def _has(self, record: Record, turn: int | None) -> bool:
        """Whether the record's partition is still ours, and has not been away since `turn`."""
        return turn is not None and self._consumer.assignment_epoch(record.place) == turn

    def _take(self, record: Record) -> None:
        """Open the partition before its first task runs; run a suspect one alone."""
        try:
            ticket = self._ticket(record)
        except ValueError as error:
            log.error("%s is passed over, no router sent it: %s", record, error)  # noqa: TRY400
            return
        turn = self._consumer.assignment_epoch(record.place)
        suspect = self._suspicions.get(record.place)
        if suspect is not None:
            self._take_alone(ticket, suspect)
            return
        # Should the first note fail, the next one must not say that what came in between is done.
        first = self._first.setdefault(record.place, record.offset)
        if record.place not in self._committed:
            self._note(record.place, first, OPEN)
        if self._has(record, turn):
            self._enter(ticket)

    def _take_alone(self, ticket: Ticket, suspect: Quarantine) -> None:
        """A partition was left open: one of its next messages may have taken the process down."""
        record = ticket.record
        turn = self._consumer.assignment_epoch(record.place)
        self._drain()
        self._wait_for_its_models(ticket)
        attempt = suspect.next_attempt(record)
        ticket.attempts = min(attempt, self._settings.attempts_max)
        if attempt > self._settings.attempts_max:
            self._in_flight.enter(ticket)
            tried = self._settings.attempts_max
            message = f"its process ended during each of {tried} attempts; look at the host's log"
            refusal = Refused("TooManyAttempts", message, "infer")
            self._in_flight.finish(ticket, refused(ticket, refusal, Timings()))
        else:
            self._note(record.place, record.offset, attempt_note(attempt))
            if not self._has(record, turn):
                return
            self._enter(ticket)
        try:
            self._drain()
        except RetryLater:
            if ticket.finished is not None:
                # It ran, and its answer cannot be delivered: that is not counted against it.
                self._note(record.place, record.offset, OPEN)
            raise
        self._commit(OPEN)
        suspect.remaining -= 1
        if suspect.remaining == 0:
            self._suspicions.pop(record.place, None)

    def _wait_for_its_models(self, ticket: Ticket) -> None:
        """A model store that is away is not the suspect's fault: no attempt is counted before all is loaded."""
        while True:
            try:
                self._versions.loaded(ticket.slip, within_s=_STORE_AGAIN_S)
            except Refused:
                return  # it is said when the task's turn comes
            except RetryLater as error:
                log.warning("%s", error)
                self._say_what_is_warm()
                if self._stopping.wait(_STORE_AGAIN_S):
                    raise
            else:
                return

    def _ticket(self, record: Record) -> Ticket:
        slip, headers = split_slip(record.headers)
        frame = Frame(
            key=record.key,
            value=record.value or b"",
            headers=tuple(headers),
            origin=Origin.parse(slip.frame),
            produced_at=slip.produced_at,
            topic_id="",
        )
        return Ticket(record, frame, slip)

    def _enter(self, ticket: Ticket) -> None:
        self._in_flight.enter(ticket)
        with self._queued:
            self._queue.append(ticket)
            self._queued.notify()

    def _commit(self, note: str, every_s: float = 0.0) -> None:
        """Commit what is answered and delivered, and nothing else. Not after each answer: a commit costs the
        broker as much as a frame does."""
        self._producer.poll()
        self._producer.check()
        self._settled |= self._in_flight.settled()
        behind = sum(offset - self._committed.get(place, offset) for place, offset in self._settled.items())
        if time.monotonic() - self._committed_s < every_s and behind < self._settings.in_flight_max:
            return
        settled, self._settled = self._settled, {}
        turns = {place: self._consumer.assignment_epoch(place) for place in settled}
        self._committed_s = time.monotonic()
        try:
            self._consumer.commit(settled, note)
            done = True
        except RetryLater as error:
            # Others have the partitions and do the work again, or the group is on the move: then once more.
            log.warning("%s", error)
            done = False
        # A rebalance within the commit may have committed more, or taken partitions away.
        for place, offset in settled.items():
            if turns[place] is None or self._consumer.assignment_epoch(place) != turns[place]:
                continue
            into = self._committed if done else self._settled
            if offset > self._committed.get(place, -1):
                into[place] = max(offset, into.get(place, -1))

    def _note(self, place: TopicPartition, offset: int, note: str) -> None:
        """Commit an offset again, with another note."""
        try:
            self._consumer.commit({place: offset}, note)
            self._committed[place] = offset
        except RetryLater as error:
            log.warning("%s", error)

    def _drain(self, within_s: float | None = None) -> None:
        """Wait until everything in flight is answered and delivered."""
        deadline_s = time.monotonic() + (within_s or self._settings.run_ms_max / 1000 + STOP_S_MAX)
        while not self._in_flight.wait_until_idle(_IDLE_S):
            self._raise_a_crash()
            self._producer.poll()
            # Suspects run one at a time: a turn of many takes long, and this process lives.
            self._say_what_is_warm()
            if time.monotonic() > deadline_s:
                raise RetryLater(f"{self._in_flight.running} tasks are still running at the deadline")
        self._producer.flush(max(0.1, deadline_s - time.monotonic()))
        self._raise_a_crash()

    def _assigned(self, committed: Mapping[TopicPartition, Committed]) -> None:
        for place, known in committed.items():
            self._committed.pop(place, None)
            self._first.pop(place, None)
            suspect = suspicion(known, self._settings.in_flight_max)
            if suspect is not None:
                log.warning(
                    "%s/%d was left open at %s: its next %d messages run one at a time",
                    *(*place, known.offset, suspect.remaining),
                )
                self._suspicions[place] = suspect

    def _revoked(self, places: set[TopicPartition]) -> None:
        """Hand partitions over in good order: nothing in flight, the note cleared."""
        self._drain(STOP_S_MAX)
        self._commit(OPEN)
        for place in places:
            if place in self._committed and place not in self._suspicions:
                self._note(place, self._committed[place], CLOSED)
        self._lost(places)

    def _lost(self, places: set[TopicPartition]) -> None:
        for place in places:
            self._committed.pop(place, None)
            self._suspicions.pop(place, None)
            self._settled.pop(place, None)
            self._first.pop(place, None)
            self._in_flight.forget(place)

    def _say_what_is_warm(self) -> None:
        self._heart.beat(
            catalog_offset=self._versions.catalog_offset,
            model=str(self._model),
            lane=self._lane,
            warm=self._versions.warm() if self._consumer.joined else (),
            allow_python=self._settings.allow_python,
            problems=self._versions.problems(),
            failed=self._versions.failed(),
        )
        waits_for = [*self._heart.silence(), *(() if self._consumer.joined else ["its share of the tasks"])]
        self._monitor.turned([*waits_for, *self._versions.cold()])

    def _raise_a_crash(self) -> None:
        if self._crash is not None:
            raise self._crash

    def _close(self) -> None:
        """Close the tap, drain, flush, commit, leave. Leaving revokes, and so clears the notes."""
        self._consumer.close()
        self._heart.stop()
        self._versions.close()
        self._record.close()

    # --- the inference threads: run, publish ------------------------------------------------

    def _work(self) -> None:
        try:
            while True:
                self._answer(self._gather())
        except BaseException as error:  # noqa: BLE001  # bound to no message: the main thread raises it
            self._crash = error

    def _gather(self) -> list[Ticket]:
        """The next ticket, and those behind it that may share its run."""
        with self._queued:
            self._queued.wait_for(lambda: self._queue)
            tickets = [self._queue.popleft()]
            loaded = self._versions.if_loaded(tickets[0].slip)
            if loaded is None or (rows_max := batch_rows_max(loaded, tickets[0].slip)) == 1:
                return tickets
            if tickets[0].frame.refers:
                return tickets  # as large as a batch already, and it may have to wait for its store
            wait_ms_max = loaded.models[tickets[0].slip.path[0]].pinned.configuration.batch_wait_ms_max
            deadline_s = time.monotonic() + wait_ms_max / 1000
            while len(tickets) < rows_max:
                if not self._queue and not self._queued.wait_for(
                    lambda: self._queue, max(0.0, deadline_s - time.monotonic())
                ):
                    break
                if path_of(self._queue[0].slip) != path_of(tickets[0].slip) or self._queue[0].frame.refers:
                    break
                tickets.append(self._queue.popleft())
            return tickets

    def _answer(self, tickets: list[Ticket]) -> None:
        self._record.turn(tickets)
        try:
            loaded = self._loaded(tickets[0].slip)
            ended = self._fetcher.fetch(tickets[0]) if tickets[0].frame.refers else None
        except Refused as refusal:
            for ticket in tickets:
                self._in_flight.finish(ticket, refused(ticket, refusal, Timings()))
            return
        if ended is not None:
            self._in_flight.finish(tickets[0], ended)
            return
        what = f"{self._model}, request {tickets[0].slip.request_id}"
        with self._watchdog.watching(what), self._record.batch(tickets):
            finished = answer_together(tickets, loaded, self._lane, self._shed_policy, self._row_time)
        for ticket, done in zip(tickets, finished, strict=True):
            ticket.fetched = None  # its answer may wait for those before it, and it is large
            self._in_flight.finish(ticket, done)

    def _loaded(self, slip: Slip) -> LoadedVersion:
        """The slip's version. What takes its time, or a model store that does not answer, is waited for: the frame is
        not to blame."""
        while True:
            try:
                return self._versions.loaded(slip, within_s=_LOAD_TURN_S)
            except RetryLater as error:
                log.warning("%s", error)
                if self._stopping.wait(_STORE_AGAIN_S):
                    raise

    def _publish(self, ticket: Ticket, finished: Finished) -> None:
        """Send a ticket's answer, and before it the dead letter of an official error: where the broker is lost between
        the two, the task is read again, and may have expired by then. Called in the line's order."""
        publishing = self._record.answered(ticket, finished)
        answer = replace(finished.answer, traceparent=publishing.traceparent)
        topic = self._topics.results if answer.official else self._topics.shadows
        if finished.refusal is not None:
            log.info(
                "refused: %s: %s",
                *(finished.refusal.error, finished.refusal.message),
                extra={"request_id": answer.request_id},
            )
            self._producer.send(
                self._topics.deadletters,
                *dead_letter(ticket.frame, finished.refusal, ticket.attempts),
                on_delivery=confirmation(ticket, self._undelivered),
            )
        confirmed = confirmation(ticket, self._undelivered, publishing)
        self._producer.send(topic, answer.key, answer.value, answer.headers(), confirmed)

    def _undelivered(self, why: str) -> None:
        self._crash = RetryLater(f"an answer was not delivered: {why}")
