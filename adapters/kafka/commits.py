"""Commits with a deadline: the broker may never answer one. Used by `GroupConsumer.commit` only.

Librdkafka's commit has no deadline, and one that is under way while the broker goes away may wait for a rebalance,
which waits to be polled for. So a commit runs in a thread of its own, and after a while the group consumer's
consumer is polled. What an answer means is not judged here: that is the group consumer's part.
"""

import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as PartitionOffset

from adapters.kafka.record import Record, TopicPartition, record_of
from schemas.errors import RetryLater, SparringError

COMMIT_S_MAX: Final = 6.0
"""How long an answer is waited for."""
_PATIENCE_S: Final = 1.0
"""How long of that without a poll."""
_POLL_S: Final = 0.1
_UNANSWERED_MAX: Final = 4
"""That wait for an answer at one time: librdkafka may never give one."""
_SILENCE_S_MAX: Final = 300.0
_AHEAD_MAX: Final = 100
"""Records of partitions that come while a commit is waited for."""

CommitOutcome = Future[list[PartitionOffset]]
"""The partitions, each with its error if it has one; or what the commit raised; or, while it is not done, nothing."""


class Commits:
    """The commits of one consumer. Single-threaded, as the group consumer is: the threads do nothing but commit.

    assigned: the group consumer's own set, not a copy: rebalances, which a poll serves, change it during a commit.
    """

    def __init__(self, consumer: Consumer, assigned: set[TopicPartition]) -> None:
        self._consumer = consumer
        self._assigned = assigned
        self._unanswered: list[tuple[float, CommitOutcome]] = []
        """Commits under way, and when each began."""
        self.ahead: list[Record] = []
        """Records that arrived during a commit; of assigned partitions only."""

    def beside(self, places: list[PartitionOffset]) -> CommitOutcome:
        """The commit, made beside the group consumer; it is done, or has had `COMMIT_S_MAX`.
        What a rebalance raises comes out of here as it is, as it does out of `GroupConsumer.read`.

        Raises:
            RetryLater: too many have no answer yet.
            SparringError: the oldest of them has had none for minutes.
        """
        self._unanswered = [one for one in self._unanswered if not one[1].done()]
        if len(self._unanswered) >= _UNANSWERED_MAX:
            began_s, oldest = self._unanswered[0]
            if time.monotonic() - began_s > _SILENCE_S_MAX:
                raise SparringError(f"commits had no answer for {_SILENCE_S_MAX:g} s")
            self._poll_until(oldest, COMMIT_S_MAX)
            raise RetryLater(f"{_UNANSWERED_MAX} commits have no answer yet")
        answer = self._started(places)
        self._unanswered.append((time.monotonic(), answer))
        with suppress(TimeoutError, KafkaException):
            answer.result(_PATIENCE_S)
        self._poll_until(answer, COMMIT_S_MAX - _PATIENCE_S)
        return answer

    def at_once(self, places: list[PartitionOffset]) -> CommitOutcome:
        """The commit, called as it is. For use within a rebalance: while a consumer closes, a commit of another
        thread is never answered."""
        answer: CommitOutcome = Future()
        try:
            answer.set_result(self._commit(places))
        except KafkaException as error:
            answer.set_exception(error)
        return answer

    def take(self, records_max: int) -> list[Record]:
        """The first of the records that arrived during a commit."""
        records, self.ahead = self.ahead[:records_max], self.ahead[records_max:]
        return records

    def forget(self, gone: set[TopicPartition]) -> None:
        """Of partitions that were given away no record is kept."""
        self.ahead = [record for record in self.ahead if record.place not in gone]

    def _poll_until(self, answer: CommitOutcome, within_s: float) -> None:
        """Serve rebalances while the answer is awaited. Partitions stand still meanwhile: what is read now waits in
        memory, and is not to be more than what was read already."""
        if answer.done():
            return
        paused = [PartitionOffset(*place) for place in self._assigned]
        self._consumer.pause(paused)
        deadline_s = time.monotonic() + within_s
        while not answer.done() and time.monotonic() < deadline_s and len(self.ahead) < _AHEAD_MAX:
            message = self._consumer.poll(_POLL_S)
            if message is not None and (record := record_of(message)) is not None:
                self.ahead.append(record)
        self._consumer.resume([place for place in paused if (place.topic, place.partition) in self._assigned])

    def _started(self, places: list[PartitionOffset]) -> CommitOutcome:
        """The commit, running in a thread of its own, which does not keep the process from ending."""
        answer: CommitOutcome = Future()

        def run() -> None:
            try:
                answer.set_result(self._commit(places))
            except BaseException as error:  # noqa: BLE001  # raised again by whoever asks for the result
                answer.set_exception(error)

        threading.Thread(target=run, name="commit", daemon=True).start()
        return answer

    def _commit(self, places: list[PartitionOffset]) -> list[PartitionOffset]:
        committed: list[PartitionOffset] = self._consumer.commit(offsets=places, asynchronous=False)
        return committed
