"""The model process: read tasks, run, publish, commit.

One model version and one lane. The main thread (this file) reads and commits. The inference threads
(`executor`) run the tasks and publish the answers. `partitions` owns the offsets.

An error that belongs to one message becomes that message's answer. Any other error ends the process,
and Kafka redelivers the uncommitted tasks to another process.
"""

import logging
import os
import threading
import time
from typing import Final

from adapters.kafka.record import Record
from adapters.monitor import Monitor
from adapters.presence import Heartbeat
from adapters.settings import InferenceSettings
from schemas.errors import Refused, RetryLater
from schemas.frames import Frame, Origin
from schemas.limits import COMMIT_EVERY_S, STOP_S_MAX
from schemas.names import Lane, ModelKey
from schemas.tasks import split_slip
from workers.inference.attempts import OPEN, Quarantine, attempt_note
from workers.inference.executor import STORE_RETRY_S, Executor
from workers.inference.in_flight import Ticket
from workers.inference.partitions import Partitions
from workers.inference.process_setup import set_up_process
from workers.inference.publisher import Publisher
from workers.inference.recorder import Recorder
from workers.inference.version_cache import VersionCache

log = logging.getLogger(__name__)

_IDLE_S: Final = 0.05
"""The longest wait for tasks, or for answers, before the loop goes on."""
CRASHED: Final = 1
"""Exit code after an error that belongs to no message."""


class ModelProcess:
    """`python -m workers inference`. Drains, flushes and commits when `stopping` is set."""

    def run(self) -> None:
        """Read tasks, run, publish, commit."""
        try:
            while not self._stopping.is_set():
                self._versions.follow()
                if self._load_hangs():
                    break
                self._report()
                self._recorder.backlog(self._partitions.lag, self._in_flight.running)
                for ticket in self._read():
                    self._run_and_publish(ticket)
                self._raise_failure()
                self._partitions.commit(every_s=COMMIT_EVERY_S)
            self._close()
        except BaseException:
            # Exit at once: a hanging thread would keep the process, and with it the group's partitions.
            log.exception("the process ends; Kafka redelivers the uncommitted tasks")
            os._exit(CRASHED)

    def __init__(
        self, settings: InferenceSettings, model: ModelKey, lane: Lane, stopping: threading.Event, monitor: Monitor
    ) -> None:
        set_up_process(settings, lane, stopping)
        self._settings = settings
        self._model = model
        self._lane: Lane = lane
        self._stopping = stopping
        self._monitor = monitor
        self._recorder = Recorder(settings, monitor.meter, model, lane)
        self._versions = VersionCache(settings, model, lane)
        self._publisher = Publisher(settings, self._recorder)
        self._executor = Executor(settings, model, lane, stopping, self._versions, self._recorder, self._publisher)
        self._in_flight = self._executor.in_flight
        self._heart = Heartbeat(settings.brokers, settings.topics.presence, "inference", monitor.port)
        topic = settings.topics.work(model, lane)
        self._partitions = Partitions(settings, topic, self._in_flight, self._publisher, self._drain)
        self._executor.start()

    def _read(self) -> list[Ticket]:
        """The next tasks for which there is room, in the order of their partitions."""
        in_flight_max = self._settings.in_flight_max
        room = self._in_flight.wait_for_room(in_flight_max, _IDLE_S)
        if room == 0 or len(self._in_flight) >= 4 * in_flight_max:
            return []
        tickets = []
        for record in self._partitions.read(room, _IDLE_S):
            try:
                tickets.append(_ticket(record, self._partitions.epoch(record)))
            except ValueError as error:
                log.error("skipped %s, which no router sent: %s", record, error)  # noqa: TRY400
        return tickets

    def _run_and_publish(self, ticket: Ticket) -> None:
        """Submit a task to the inference threads, which run it and publish its answer.

        A commit for an earlier task may serve a rebalance, which takes the partition away or assigns it again. The
        task is then read again, and this ticket is dropped.
        """
        if not self._partitions.still_has(ticket):
            return
        quarantine = self._partitions.quarantine(ticket)
        if quarantine is not None:
            self._run_alone(ticket, quarantine)
            return
        self._partitions.open(ticket)
        if self._partitions.still_has(ticket):
            self._executor.submit(ticket)

    def _run_alone(self, ticket: Ticket, quarantine: Quarantine) -> None:
        """Run a task with nothing else in flight: an earlier process may have ended because of it."""
        self._drain()
        self._wait_for_models(ticket)
        attempt = quarantine.next_attempt(ticket.record)
        attempts_max = self._settings.attempts_max
        ticket.attempts = min(attempt, attempts_max)
        if attempt > attempts_max:
            message = f"its process ended during each of {attempts_max} attempts; see the host's log"
            self._executor.refuse(ticket, Refused("TooManyAttempts", message, "infer"))
        else:
            self._partitions.note(ticket, attempt_note(attempt))
            if not self._partitions.still_has(ticket):
                return
            self._executor.submit(ticket)
        try:
            self._drain()
        except RetryLater:
            if ticket.finished is not None:
                # The task ran, and its answer cannot be delivered: that does not count as a failed attempt.
                self._partitions.note(ticket, OPEN)
            raise
        self._partitions.commit()
        self._partitions.end_alone(ticket, quarantine)

    def _wait_for_models(self, ticket: Ticket) -> None:
        """Wait until the task's models are loaded, so that an unreachable model store counts as no attempt."""
        while True:
            try:
                self._versions.loaded(ticket.slip, within_s=STORE_RETRY_S)
            except Refused:
                return  # the inference thread answers with this refusal
            except RetryLater as error:
                log.warning("%s", error)
                self._report()
                if self._stopping.wait(STORE_RETRY_S):
                    raise
            else:
                return

    def _drain(self, within_s: float | None = None) -> None:
        """Wait until every task in flight has its answer, and every answer is delivered.

        Raises:
            RetryLater: tasks still run at the deadline: `within_s`, or the longest run and the time of a stop.
        """
        deadline_at_s = time.monotonic() + (within_s or self._settings.run_ms_max / 1000 + STOP_S_MAX)
        while not self._in_flight.wait_until_idle(_IDLE_S):
            self._raise_failure()
            self._publisher.poll()
            # A quarantined partition is drained once per task: the heartbeat must go on meanwhile.
            self._report()
            if time.monotonic() > deadline_at_s:
                raise RetryLater(f"{self._in_flight.running} tasks are still running at the deadline")
        self._publisher.flush(max(0.1, deadline_at_s - time.monotonic()))
        self._raise_failure()

    def _report(self) -> None:
        """Send the heartbeat when it is due, and update readiness."""
        joined = self._partitions.joined
        self._heart.beat(
            catalog_offset=self._versions.catalog_offset,
            model=str(self._model),
            lane=self._lane,
            warm=self._versions.warm() if joined else (),
            allow_python=self._settings.allow_python,
            problems=self._versions.problems(),
            failed=self._versions.failed(),
        )
        waits_for = [*self._heart.silence(), *(() if joined else ["its share of the tasks"])]
        self._monitor.turned([*waits_for, *self._versions.cold()])

    def _load_hangs(self) -> bool:
        """Whether a load hangs that no version needs. The process ends then, as a thread cannot be cancelled."""
        hanging = self._versions.unneeded_hanging_loads()
        if hanging:
            log.error("the load of %s hangs and is no longer needed: the process ends", ", ".join(hanging))
        return bool(hanging)

    def _raise_failure(self) -> None:
        self._executor.raise_failure()
        self._publisher.raise_failure()

    def _close(self) -> None:
        """Leave the group, which drains, commits and clears the notes; then stop the heartbeat and the loads."""
        self._partitions.close()
        self._heart.stop()
        self._versions.close()
        self._recorder.close()


def _ticket(record: Record, epoch: int | None) -> Ticket:
    """The ticket of a record. Raises ValueError if the record has no valid slip."""
    slip, headers = split_slip(record.headers)
    frame = Frame(
        key=record.key,
        value=record.value or b"",
        headers=tuple(headers),
        origin=Origin.parse(slip.frame),
        produced_at=slip.produced_at,
        topic_id="",
    )
    return Ticket(record, frame, slip, epoch)
