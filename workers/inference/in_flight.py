"""Tasks in flight: answers are published in the order of their tasks, commits follow delivery.

A ticket is one task, from its record to the delivery report of its answer. Inference threads finish tickets in any
order. The thread that finishes the oldest ticket without an answer publishes that answer, and every answer that is
ready behind it. A partition can be committed up to its first ticket without a delivery report.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.kafka.record import Record, TopicPartition
from adapters.traces import NO_SPAN, Span
from schemas.errors import Refused
from schemas.frames import Frame
from schemas.results import Answer
from schemas.tasks import Slip


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of a task: an answer, and the refusal of an official error, which makes a dead letter."""

    answer: Answer
    refusal: Refused | None = None


@dataclass(slots=True)
class Ticket:
    """One task in flight."""

    record: Record
    frame: Frame
    slip: Slip
    epoch: int | None = None
    """The assignment epoch of its partition when its record was read."""
    span: Span = NO_SPAN
    started_at_ns: int = 0
    """Unix time in ns at which its run began; 0: it had no run."""
    attempts: int = 1
    """Attempts at this task, with the current one."""
    fetched: bytes | None = None
    """The bytes of a frame that is a reference, once they are read."""
    fetch_ns: int = 0
    """Duration of that read in ns."""
    finished: Finished | None = None
    sent: int = 0
    """Records sent for it: its answer, and a dead letter for an official error. Only the publishing thread counts."""
    delivered: list[None] = field(default_factory=list)
    """One entry per confirmed record. Several threads may append to a list at once; none may add to a number."""
    published: bool = False
    """Whether every record for it is sent."""

    @property
    def content(self) -> Frame:
        """The frame with the bytes that run; `frame` is the record's."""
        return self.frame if self.fetched is None else self.frame.with_value(self.fetched)

    @property
    def settled(self) -> bool:
        """Whether every record sent for this task is delivered."""
        return self.published and len(self.delivered) == self.sent


@dataclass(slots=True)
class _Partition:
    tickets: deque[Ticket] = field(default_factory=deque)
    """Oldest first."""
    published: int = 0
    """How many of them, from the oldest on, are published."""


class InFlight:
    """All tickets in flight, by partition.

    publish: sends a ticket's answer. It is called in the order of the tasks, under the lock that keeps that order.
    """

    def __init__(self, publish: Callable[[Ticket, Finished], None]) -> None:
        self._publish = publish
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._changed = threading.Condition(threading.RLock())
        self._running = 0

    def add(self, ticket: Ticket) -> None:
        """Add a ticket behind those of its partition."""
        with self._changed:
            self._partitions.setdefault(ticket.record.place, _Partition()).tickets.append(ticket)
            self._running += 1

    def finish(self, ticket: Ticket, finished: Finished) -> None:
        """Give a ticket its outcome, and publish in order what is ready now."""
        with self._changed:
            ticket.finished = finished
            self._running -= 1
            partition = self._partitions.get(ticket.record.place)
            while partition and partition.published < len(partition.tickets):
                head = partition.tickets[partition.published]
                if head.finished is None:
                    break
                partition.published += 1
                self._publish(head, head.finished)
                head.published = True
            self._changed.notify_all()

    @property
    def running(self) -> int:
        """Tickets without an answer."""
        return self._running

    def __len__(self) -> int:
        """Tickets whose delivery is not confirmed, answered or not."""
        return sum(len(partition.tickets) for partition in self._partitions.values())

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
        """Remove the tickets that are delivered. Returns per partition the next offset to read, up to which all are."""
        offsets = {}
        with self._changed:
            for topic_partition, partition in self._partitions.items():
                while partition.tickets and partition.tickets[0].settled:
                    offsets[topic_partition] = partition.tickets.popleft().record.offset + 1
                    partition.published -= 1
        return offsets

    def forget(self, topic_partition: TopicPartition) -> None:
        """Drop the tickets of a partition that is no longer assigned to this process."""
        with self._changed:
            self._partitions.pop(topic_partition, None)
