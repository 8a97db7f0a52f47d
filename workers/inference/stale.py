"""Stale tasks are answered without a run: the frame has expired, or a challenger is too late (load shedding).

The executor checks each task before its run, and the fetcher while it waits for a store. Official tasks are never shed.
"""

import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from adapters.clock import now_ms
from schemas.names import Lane
from schemas.results import Timings, answer_of_slip, failure_value, why_expired
from workers.inference.in_flight import Finished, Ticket

_HASH_RANGE: Final = 2**64


@dataclass(frozen=True, slots=True)
class ShedPolicy:
    """Load shedding in the shadow lane.

    The share of tasks that run shrinks with their age, until the challenger keeps up. The request id alone decides
    which tasks run: all challengers of a pipeline run the same requests, and these are an unbiased sample.
    """

    age_ms_max: int
    """Older tasks are shed, in milliseconds."""
    shed_after_ms: int
    """Of the tasks older than this, the share `shed_after_ms / age` runs. Milliseconds; 0: all of them run."""

    def reason_to_shed(self, request_id: str, age_ms: int) -> str | None:
        """Why this task is shed; None: it runs."""
        if age_ms > self.age_ms_max:
            return f"the task was {age_ms} ms old when its turn came; expected at most {self.age_ms_max} ms"
        if not 0 < self.shed_after_ms < age_ms or hash_position(request_id) < self.shed_after_ms / age_ms:
            return None
        return (
            f"the task was {age_ms} ms old when its turn came; beyond {self.shed_after_ms} ms only "
            f"{self.shed_after_ms / age_ms:.0%} of the requests run, selected by the hash of their ids"
        )


def hash_position(request_id: str) -> float:
    """The position of a request id in [0, 1); it depends on the id only."""
    return int.from_bytes(blake2b(request_id.encode(), digest_size=8).digest(), "big") / _HASH_RANGE


def answer_if_stale(ticket: Ticket, lane: Lane, shed_policy: ShedPolicy) -> Finished | None:
    """The answer `expired` or `shed` of a stale task; None: the task must run."""
    now = now_ms()
    deadline = ticket.slip.deadline
    if deadline is not None and deadline < now:
        value = failure_value("Expired", why_expired(ticket.frame, deadline, "its turn came"), "decode")
        return Finished(answer_of_slip(ticket.content, ticket.slip, "expired", value, now, queued_timings(ticket)))
    # The age is that of the task's record, whose time is the router's: a camera's clock may be years off.
    age_ms = now - ticket.record.timestamp
    if lane == "shadow" and (reason := shed_policy.reason_to_shed(ticket.slip.request_id, age_ms)) is not None:
        value = failure_value("Shed", reason, "decode")
        return Finished(answer_of_slip(ticket.content, ticket.slip, "shed", value, now, queued_timings(ticket)))
    return None


def queued_timings(ticket: Ticket) -> Timings:
    """The time in the queue until now, without the time of a fetch; never negative, as the producer's clock may be
    ahead of this machine's."""
    return Timings(queued_ns=max(0, time.time_ns() - ticket.fetch_ns - ticket.slip.produced_at * 1_000_000))
