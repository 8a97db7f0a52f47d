"""The line of tickets: answers leave in the order in which tasks came, commits follow delivery.

A ticket is one task from its record to the confirmation of its answer. Inference threads finish in
any order; whoever finishes the head of a partition's line publishes everything that is ready
behind it. A partition may be committed up to its first ticket that is not confirmed.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.kafka.confirming_producer import DeliveryError
from adapters.kafka.record import Record, TopicPartition
from adapters.traces import NO_SPAN, Span
from schemas.errors import Refused
from schemas.frames import Frame
from schemas.results import Answer
from schemas.tasks import Slip


@dataclass(frozen=True, slots=True)
class Finished:
    """What a task became: an answer, and the refusal that makes a dead letter of its frame."""

    answer: Answer
    refusal: Refused | None = None


@dataclass(slots=True)
class Ticket:
    """One task in flight."""

    record: Record
    frame: Frame
    slip: Slip
    span: Span = NO_SPAN
    turn_ns: int = 0
    """Unix time in ns at which its turn came; 0: it had none."""
    attempts: int = 1
    fetched: bytes | None = None
    """The frame's bytes where they lie elsewhere and were read."""
    fetch_ns: int = 0
    finished: Finished | None = None
    sent: int = 0
    """Records sent for it: its answer, perhaps a dead letter. Only the publishing thread counts."""
    delivered: list[None] = field(default_factory=list)
    """One entry per confirmed record: several threads may append at once, none may add to a number."""
    published: bool = False

    @property
    def content(self) -> Frame:
        """The frame with the bytes that are run; `frame` is as it came."""
        return self.frame if self.fetched is None else self.frame.with_value(self.fetched)

    @property
    def settled(self) -> bool:
        """Everything that derives from this task is delivered."""
        return self.published and len(self.delivered) == self.sent


@dataclass(slots=True)
class _Lane:
    tickets: deque[Ticket] = field(default_factory=deque)
    published: int = 0


class InFlight:
    """All tickets in flight, by partition. publish: sends a ticket's answer; see `settle`."""

    def __init__(self, publish: Callable[[Ticket, Finished], None]) -> None:
        self._publish = publish
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._changed = threading.Condition(threading.RLock())
        self._running = 0

    def enter(self, ticket: Ticket) -> None:
        """A task was read."""
        with self._changed:
            self._lanes.setdefault(ticket.record.place, _Lane()).tickets.append(ticket)
            self._running += 1

    def finish(self, ticket: Ticket, finished: Finished) -> None:
        """Called by an inference thread. Publishes, in order, whatever is ready now."""
        with self._changed:
            ticket.finished = finished
            self._running -= 1
            lane = self._lanes.get(ticket.record.place)
            while lane and lane.published < len(lane.tickets):
                head = lane.tickets[lane.published]
                if head.finished is None:
                    break
                lane.published += 1
                self._publish(head, head.finished)
                head.published = True
            self._changed.notify_all()

    @property
    def running(self) -> int:
        """Tickets without an answer."""
        return self._running

    def __len__(self) -> int:
        """Tickets whose delivery is not confirmed, answered or not."""
        return sum(len(lane.tickets) for lane in self._lanes.values())

    def wait_for_room(self, running_max: int, wait_s: float) -> int:
        """How many more tasks may be read; waits at most `wait_s` for the first."""
        with self._changed:
            self._changed.wait_for(lambda: self._running < running_max, wait_s)
            return max(0, running_max - self._running)

    def wait_until_idle(self, wait_s: float) -> bool:
        """Whether every ticket has its answer now."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, wait_s)

    def settled(self) -> dict[TopicPartition, int]:
        """Per partition the next offset to read, as far as everything before it is delivered."""
        offsets = {}
        with self._changed:
            for place, lane in self._lanes.items():
                while lane.tickets and lane.tickets[0].settled:
                    offsets[place] = lane.tickets.popleft().record.offset + 1
                    lane.published -= 1
        return offsets

    def forget(self, place: TopicPartition) -> None:
        """The partition is somebody else's now."""
        with self._changed:
            self._lanes.pop(place, None)


def confirmation(
    ticket: Ticket, fail: Callable[[str], None], publishing: Span = NO_SPAN
) -> Callable[[DeliveryError | None], None]:
    """The delivery report of one record sent for a ticket; `fail` is told what was not delivered."""
    ticket.sent += 1

    def settle(error: DeliveryError | None) -> None:
        if error is None:
            publishing.end()
            ticket.delivered.append(None)
        else:
            fail(str(error))

    return settle
