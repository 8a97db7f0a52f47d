"""The partitions of a model process: what is read, settled and committed. The only owner of offsets.

Only the main thread calls it. `read`, `open`, `note`, `commit` and `close` serve rebalances.
"""

import logging
import time
from collections.abc import Callable, Mapping

from adapters.kafka.group_consumer import GroupConsumer
from adapters.kafka.record import Committed, Record, TopicPartition
from adapters.settings import InferenceSettings
from schemas.errors import RetryLater
from schemas.limits import STOP_S_MAX
from workers.inference.attempts import CLOSED, OPEN, Quarantine, quarantine_of
from workers.inference.in_flight import InFlight, Ticket
from workers.inference.publisher import Publisher

log = logging.getLogger(__name__)


class Partitions:
    """The process's partitions of one work topic, as a member of the topic's consumer group.

    Args:
        settings: brokers, and how many tasks may be in flight.
        topic: the work topic; its consumer group has the same name.
        in_flight: the tickets in flight.
        publisher: serves delivery reports before a commit.
        drain: waits at most that many seconds until nothing is in flight; called before partitions are revoked.
    """

    def __init__(
        self,
        settings: InferenceSettings,
        topic: str,
        in_flight: InFlight,
        publisher: Publisher,
        drain: Callable[[float], None],
    ) -> None:
        self._in_flight_max = settings.in_flight_max
        self._in_flight = in_flight
        self._publisher = publisher
        self._drain = drain
        self._quarantines: dict[TopicPartition, Quarantine] = {}
        self._first: dict[TopicPartition, int] = {}
        """The offset of the first task read since the partition was assigned."""
        self._settled: dict[TopicPartition, int] = {}
        """The next offset to read, up to which everything is delivered and not yet committed."""
        self._committed: dict[TopicPartition, int] = {}
        """The offset that this process has committed since the partition was assigned."""
        self._committed_at_s = time.monotonic()
        self._consumer = GroupConsumer(settings.brokers, topic, [topic], self._assigned, self._revoked, self._lost)

    @property
    def joined(self) -> bool:
        """Whether the consumer group has assigned this process its partitions."""
        return self._consumer.joined

    def lag(self) -> int:
        """The number of records in the assigned partitions that are not read yet."""
        return self._consumer.lag()

    def read(self, records_max: int, wait_s: float) -> list[Record]:
        """The next records; waits at most `wait_s` for the first."""
        return self._consumer.read(records_max, wait_s)

    def epoch(self, record: Record) -> int | None:
        """The assignment epoch of the record's partition; None: the partition is not assigned to this process."""
        return self._consumer.assignment_epoch(record.place)

    def still_has(self, ticket: Ticket) -> bool:
        """Whether the ticket's partition has been assigned to this process without a break since it was read."""
        epoch = ticket.epoch
        return epoch is not None and self._consumer.assignment_epoch(ticket.record.place) == epoch

    def quarantine(self, ticket: Ticket) -> Quarantine | None:
        """The quarantine of the ticket's partition, while its tasks must run one at a time."""
        return self._quarantines.get(ticket.record.place)

    def end_alone(self, ticket: Ticket, quarantine: Quarantine) -> None:
        """Count a task of a quarantined partition as done. The last one ends the quarantine."""
        quarantine.remaining -= 1
        if quarantine.remaining == 0 and self.quarantine(ticket) is quarantine:
            del self._quarantines[ticket.record.place]

    def open(self, ticket: Ticket) -> None:
        """Commit the note OPEN before the first task of a partition runs."""
        # If this commit fails, it is repeated with the first offset: a later one would mark the tasks between as done.
        first = self._first.setdefault(ticket.record.place, ticket.record.offset)
        if ticket.record.place not in self._committed:
            self._note(ticket.record.place, first, OPEN)

    def note(self, ticket: Ticket, note: str) -> None:
        """Commit a note with the ticket's own offset: the next process reads the ticket's task again."""
        self._note(ticket.record.place, ticket.record.offset, note)

    def commit(self, every_s: float = 0.0) -> None:
        """Commit the offsets up to which everything is answered and delivered.

        At most once per `every_s`, unless `in_flight_max` tasks are settled: a commit costs the broker as much as a
        frame does.
        """
        self._publisher.poll()
        self._settled |= self._in_flight.settled()
        behind = sum(offset - self._committed.get(partition, offset) for partition, offset in self._settled.items())
        if time.monotonic() - self._committed_at_s < every_s and behind < self._in_flight_max:
            return
        settled, self._settled = self._settled, {}
        epochs = {partition: self._consumer.assignment_epoch(partition) for partition in settled}
        self._committed_at_s = time.monotonic()
        try:
            self._consumer.commit(settled, OPEN)
            done = True
        except RetryLater as error:
            # Either other processes have the partitions and repeat the work, or the group rebalances: retry then.
            log.warning("%s", error)
            done = False
        # A rebalance within the commit may have committed more, or revoked partitions.
        for partition, offset in settled.items():
            if epochs[partition] is None or self._consumer.assignment_epoch(partition) != epochs[partition]:
                continue
            into = self._committed if done else self._settled
            if offset > self._committed.get(partition, -1):
                into[partition] = max(offset, into.get(partition, -1))

    def close(self) -> None:
        """Leave the consumer group, which revokes all partitions."""
        self._consumer.close()

    def _note(self, partition: TopicPartition, offset: int, note: str) -> None:
        try:
            self._consumer.commit({partition: offset}, note)
            self._committed[partition] = offset
        except RetryLater as error:
            log.warning("%s", error)

    def _assigned(self, committed: Mapping[TopicPartition, Committed]) -> None:
        for partition, known in committed.items():
            self._committed.pop(partition, None)
            self._first.pop(partition, None)
            quarantine = quarantine_of(known, self._in_flight_max)
            if quarantine is not None:
                log.warning(
                    "%s/%d: a process ended with tasks in flight behind offset %s: the next %d tasks run one at a time",
                    *(*partition, known.offset, quarantine.remaining),
                )
                self._quarantines[partition] = quarantine

    def _revoked(self, partitions: set[TopicPartition]) -> None:
        """Hand partitions over with nothing in flight and the note cleared."""
        self._drain(STOP_S_MAX)
        self.commit()
        for partition in partitions:
            if partition in self._committed and partition not in self._quarantines:
                self._note(partition, self._committed[partition], CLOSED)
        self._lost(partitions)

    def _lost(self, partitions: set[TopicPartition]) -> None:
        for partition in partitions:
            self._committed.pop(partition, None)
            self._quarantines.pop(partition, None)
            self._settled.pop(partition, None)
            self._first.pop(partition, None)
            self._in_flight.forget(partition)
