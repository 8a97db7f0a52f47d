"""A frame that lies elsewhere is read when its turn comes, alone: no process holds more of them than it has threads."""

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
from workers.inference.answering import stale
from workers.inference.in_flight import Finished, Ticket
from workers.inference.shed_policy import ShedPolicy
from workers.inference.watchdog import Watchdog

log = logging.getLogger(__name__)

_AGAIN_S: Final = 0.5


class Fetcher:
    """Thread-safe. roots: below which it reads. SettingError where one is no folder or URI. watchdog: for a store that
    never returns from a call, as a network's folder may."""

    def __init__(
        self, roots: Sequence[str], lane: Lane, shed_policy: ShedPolicy, watchdog: Watchdog, stopping: threading.Event
    ) -> None:
        self._references = References(roots)
        self._watchdog = watchdog
        self._lane: Lane = lane
        self._shed_policy = shed_policy
        self._stopping = stopping

    def fetch(self, ticket: Ticket) -> Finished | None:
        """Read the referenced bytes into the ticket; returns its answer instead where the frame has expired.

        Raises:
            Refused: it may not be read, is not there, or is not what was meant; or its store does not come back.
            RetryLater: the process stops before its store is back.
        """
        started_s = time.monotonic()
        deadline_s = started_s + REFERENCE_WAIT_S_MAX
        while (ended := stale(ticket, self._lane, self._shed_policy)) is None:
            try:
                with self._watchdog.watching(f"reading for request {ticket.slip.request_id}", REFERENCE_WAIT_S_MAX):
                    ticket.fetched = self._read(ticket.frame, deadline_s - time.monotonic())
            except RetryLater as error:
                # The frame is not to blame, and neither are the frames behind it.
                if time.monotonic() + _AGAIN_S > deadline_s:
                    message = f"it could not be read within {REFERENCE_WAIT_S_MAX:g} s: {error}; send it again later"
                    raise Refused("ReferenceNotFound", message, "read") from error
                log.warning("%s", error)
                if self._stopping.wait(_AGAIN_S):
                    raise
            else:
                ticket.fetch_ns = int((time.monotonic() - started_s) * 1e9)
                return None
        return ended

    def _read(self, frame: Frame, within_s: float) -> bytes | None:
        reference = frame.reference
        if reference is None:
            return None
        content = self._references.read(reference, within_s)
        if len(content) > FRAME_BYTES_MAX and frame.with_value(content).content_type == JSON:
            message = f"JSON of {len(content)} bytes; expected at most {FRAME_BYTES_MAX}: send an Arrow IPC stream"
            raise Refused("FrameTooLarge", message, "read")
        return content
