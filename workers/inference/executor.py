"""The inference threads: gather tickets that may share a run, run them, publish their answers."""

import logging
import threading
import time
from collections import deque
from typing import Final

from adapters.settings import InferenceSettings
from schemas.errors import Refused, RetryLater
from schemas.names import Lane, ModelKey
from schemas.results import Timings
from schemas.tasks import Slip
from workers.inference.answering import RowTime, answer_together, batch_key, batch_rows_max, refused
from workers.inference.fetching import Fetcher
from workers.inference.in_flight import Finished, InFlight, Ticket
from workers.inference.publisher import Publisher
from workers.inference.recorder import Recorder
from workers.inference.stale import ShedPolicy
from workers.inference.version_cache import LoadedVersion, VersionCache
from workers.inference.watchdog import Watchdog

log = logging.getLogger(__name__)

STORE_RETRY_S: Final = 0.5
_LOAD_WAIT_S: Final = 5.0
"""A task waits this long for its version to load; then the load of another version may start before it waits again."""


class Executor:
    """Runs tickets in `settings.threads` threads. Only the main thread calls it.

    Args:
        settings: threads, limits and roots of referenced frames.
        model: the process's model version.
        lane: its lane.
        stopping: set when the process stops.
        versions: the loaded pipeline versions.
        recorder: metrics and spans.
        publisher: sends the answers.
    """

    def __init__(
        self,
        settings: InferenceSettings,
        model: ModelKey,
        lane: Lane,
        stopping: threading.Event,
        versions: VersionCache,
        recorder: Recorder,
        publisher: Publisher,
    ) -> None:
        self.in_flight = InFlight(publisher.publish)
        self._threads = settings.threads
        self._model = model
        self._lane: Lane = lane
        self._stopping = stopping
        self._versions = versions
        self._recorder = recorder
        self._shed_policy = ShedPolicy(settings.shadow_age_ms_max, settings.shadow_shed_after_ms)
        self._watchdog = Watchdog(settings.run_ms_max)
        self._row_time = RowTime(settings.run_ms_max / 1000, self._watchdog.restart)
        self._fetcher = Fetcher(settings.reference_roots, lane, self._shed_policy, self._watchdog, stopping)
        self._queue: deque[Ticket] = deque()
        self._queued = threading.Condition()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Start the threads. They are daemons: a hanging run must not keep an ending process."""
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"inference-{number}", daemon=True).start()

    def submit(self, ticket: Ticket) -> None:
        """Queue a ticket for the threads."""
        self.in_flight.add(ticket)
        with self._queued:
            self._queue.append(ticket)
            self._queued.notify()

    def refuse(self, ticket: Ticket, refusal: Refused) -> None:
        """Answer a ticket with an error, without a run."""
        self.in_flight.add(ticket)
        self.in_flight.finish(ticket, refused(ticket, refusal, Timings()))

    def raise_failure(self) -> None:
        """Raise the error that ended a thread: it belongs to no message."""
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        """One thread: gather, run, publish."""
        try:
            while True:
                tickets = self._gather()
                for ticket, finished in zip(tickets, self._run(tickets), strict=True):
                    ticket.fetched = None  # its answer may wait for earlier ones, and the bytes are many
                    self.in_flight.finish(ticket, finished)  # publishes, in order
        except BaseException as error:  # noqa: BLE001  # belongs to no message: the main thread raises it
            self._failure = error

    def _gather(self) -> list[Ticket]:
        """The next ticket, and those behind it that may share its run."""
        with self._queued:
            self._queued.wait_for(lambda: self._queue)
            tickets = [self._queue.popleft()]
            loaded = self._versions.if_loaded(tickets[0].slip)
            if loaded is None or (rows_max := batch_rows_max(loaded, tickets[0].slip)) == 1:
                return tickets
            if tickets[0].frame.refers:
                return tickets  # the frame is as large as a batch, and may have to wait for its store
            wait_ms_max = loaded.models[tickets[0].slip.path[0]].pinned.configuration.batch_wait_ms_max
            deadline_at_s = time.monotonic() + wait_ms_max / 1000
            while len(tickets) < rows_max:
                if not self._queue and not self._queued.wait_for(
                    lambda: self._queue, max(0.0, deadline_at_s - time.monotonic())
                ):
                    break
                if batch_key(self._queue[0].slip) != batch_key(tickets[0].slip) or self._queue[0].frame.refers:
                    break
                tickets.append(self._queue.popleft())
            return tickets

    def _run(self, tickets: list[Ticket]) -> list[Finished]:
        """The outcome of each ticket, in order."""
        self._recorder.started(tickets)
        try:
            loaded = self._loaded(tickets[0].slip)
            without_run = self._fetcher.fetch(tickets[0]) if tickets[0].frame.refers else None
        except Refused as refusal:
            return [refused(ticket, refusal, Timings()) for ticket in tickets]
        if without_run is not None:
            return [without_run]
        what = f"{self._model}, request {tickets[0].slip.request_id}"
        with self._watchdog.watching(what), self._recorder.batch(tickets):
            return answer_together(tickets, loaded, self._lane, self._shed_policy, self._row_time)

    def _loaded(self, slip: Slip) -> LoadedVersion:
        """The slip's version. Waits for a long load and for an unreachable model store: no frame is to blame."""
        while True:
            try:
                return self._versions.loaded(slip, within_s=_LOAD_WAIT_S)
            except RetryLater as error:
                log.warning("%s", error)
                if self._stopping.wait(STORE_RETRY_S):
                    raise
