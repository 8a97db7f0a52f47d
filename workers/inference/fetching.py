"""Fetches a referenced frame right before its run. A process holds at most one such frame per inference thread."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

from adapters.storage.references import References
from schemas.errors import Refused, RetryLater
from schemas.frames import JSON, Frame
from schemas.limits import FRAME_BYTES_MAX, REFERENCE_WAIT_S_MAX
from schemas.names import Lane
from workers.inference.in_flight import Finished, Ticket
from workers.inference.stale import ShedPolicy, answer_if_stale
from workers.inference.watchdog import Watchdog

log = logging.getLogger(__name__)

_RETRY_S: Final = 0.5


class Fetcher:
    """Reads referenced frames. Thread-safe.

    Args:
        roots: folders and URIs below which it may read.
        lane: the lane of the process.
        shed_policy: for tasks that become stale while they wait for a store.
        watchdog: ends the process if a store never returns from a call, as a network folder may.
        stopping: set when the process stops.

    Raises:
        SettingError: a root is neither a folder nor a URI.
    """

    def __init__(
        self, roots: Sequence[str], lane: Lane, shed_policy: ShedPolicy, watchdog: Watchdog, stopping: threading.Event
    ) -> None:
        self._references = References(roots)
        self._watchdog = watchdog
        self._lane: Lane = lane
        self._shed_policy = shed_policy
        self._stopping = stopping

    def fetch(self, ticket: Ticket) -> Finished | None:
        """Read the referenced bytes into the ticket. Returns an answer instead if the task became stale.

        Raises:
            Refused: the reference may not be read, does not exist, or its bytes do not match its sha256; or its store
                is unreachable for REFERENCE_WAIT_S_MAX.
            RetryLater: the process stops while the store is unreachable.
        """
        started_at_s = time.monotonic()
        deadline_at_s = started_at_s + REFERENCE_WAIT_S_MAX
        while (without_run := answer_if_stale(ticket, self._lane, self._shed_policy)) is None:
            try:
                with self._watchdog.watching(f"reading for request {ticket.slip.request_id}", REFERENCE_WAIT_S_MAX):
                    ticket.fetched = self._read(ticket.frame, deadline_at_s - time.monotonic())
            except RetryLater as error:
                # The frame did not cause this, but neither did the tasks that wait behind it.
                if time.monotonic() + _RETRY_S > deadline_at_s:
                    message = f"it could not be read within {REFERENCE_WAIT_S_MAX:g} s: {error}; send it again later"
                    raise Refused("ReferenceNotFound", message, "read") from error
                log.warning("%s", error)
                if self._stopping.wait(_RETRY_S):
                    raise
            else:
                ticket.fetch_ns = int((time.monotonic() - started_at_s) * 1e9)
                return None
        return without_run

    def _read(self, frame: Frame, within_s: float) -> bytes | None:
        reference = frame.reference
        if reference is None:
            return None
        content = self._references.read(reference, within_s)
        if len(content) > FRAME_BYTES_MAX and frame.with_value(content).content_type == JSON:
            message = f"JSON of {len(content)} bytes; expected at most {FRAME_BYTES_MAX}: send an Arrow IPC stream"
            raise Refused("FrameTooLarge", message, "read")
        return content
