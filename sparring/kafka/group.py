"""Records of a topic as they arrive: of all partitions, or of those assigned to this member of a consumer group.

`Membership` holds the member's assignment, its positions and its commits. `Following` polls.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import CommitFailedError, KafkaError, RebalanceInProgressError
from kafka.structs import MemberState, OffsetAndMetadata

from schemas.errors import RetryLater
from sparring.kafka.broker import Broker
from sparring.kafka.offsets import Ends, end_offsets, first_offsets, offsets_at, spans_by_time
from sparring.kafka.source import existing_places
from sparring.kafka.watermark import Watermark

_ANSWER_MS_MAX: Final = 10_000


class Membership:
    """A member's assignment, positions and commits, through its subscribed consumer. All calls raise KafkaError where
    the broker does not answer."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._going_on: tuple[object, ...] | None = None

    @property
    def settled(self) -> bool:
        """False during a rebalance: a poll fetches nothing then."""
        return self._consumer.group_metadata().state is MemberState.STABLE

    @property
    def rebalanced(self) -> bool:
        """Whether Kafka has assigned partitions, new or the same ones, that `go_on` has not positioned yet."""
        return self.settled and self._share() != self._going_on

    def rejoin(self) -> None:
        """Continue a rebalance that outlasted a poll. Called before each further poll while the member is not settled.

        kafka-python 3.0 rejoins on its own when a topic's partitions change. If a poll ends between its JoinGroup and
        its SyncGroup, it takes the rebalance for done and never reads the assignment: the member stays without
        partitions and heartbeats.
        """
        self._consumer._coordinator.request_rejoin()  # noqa: SLF001  # there is no public call

    def go_on(self, since: Mapping[str, int | None]) -> list[TopicPartition]:
        """Position the assigned partitions at the group's committed offsets; returns the partitions.

        since: per topic, where to begin without a committed offset: Unix milliseconds; None: the topic's beginning.
        """
        share, places = self._share(), sorted(self._consumer.assignment())
        committed = {place: self._consumer.committed(place, timeout_ms=_ANSWER_MS_MAX) for place in places}
        for place, offset in committed.items():
            self._consumer.seek(place, self._first(place, since[place.topic]) if offset is None else offset)
        self._going_on = share
        return places

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit the next offsets to read, by topic and partition.

        Raises:
            RetryLater: the group rebalances, or did meanwhile: uncommitted records are delivered again.
        """
        wanted = {TopicPartition(*place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
        try:
            self._consumer.commit(wanted, timeout_ms=_ANSWER_MS_MAX)
        except (CommitFailedError, RebalanceInProgressError) as error:
            raise RetryLater(
                f"the group rebalances, and nothing was committed: {error}; results since the last commit are "
                "delivered again, here or at another member"
            ) from error

    def _share(self) -> tuple[object, ...]:
        known = self._consumer.group_metadata()
        return known.generation_id, known.member_id, frozenset(self._consumer.assignment())

    def _first(self, place: TopicPartition, since: int | None) -> int:
        """The first offset of a new group."""
        if since is None:
            return first_offsets(self._consumer, [place])[place]
        return offsets_at(self._consumer, end_offsets(self._consumer, [place]), since)[place]


_POLL_MS: Final = 200
_FETCH_BYTES_MAX: Final = 1024 * 1024
"""Read ahead per partition; a larger record is fetched alone."""

_POLL_EVERY_S: Final = 5.0
"""A member polls at least so often, even with records read ahead: a rebalance waits for its poll, and Kafka removes a
member that does not poll for five minutes."""

_REBALANCE_S_MAX: Final = 330.0
"""A rebalance waits up to five minutes for members that do not poll."""

_CLOSE_MS_MAX: Final = 2_000


class Following:
    """Records of topics as they arrive, without end; a `Source`.

    Args:
        broker: where the topics are.
        since: of each topic, Unix milliseconds. None: from now on; in a group from the topic's beginning.
        group: a consumer group. It continues at its committed offsets; `since` is for partitions without one.
        clock: seconds that only rise.

    Raises:
        ConnectionError: a topic is not there, or the broker does not answer in time; so do `turn` and `keep`.
    """

    def __init__(
        self,
        broker: Broker,
        since: Mapping[str, int | None],
        group: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._topics = list(since)
        self._since = since
        self._clock = clock
        self._stopped = False
        self._polling = threading.RLock()
        """kafka-python's consumers are for one thread at a time, closing them included."""
        self._records: deque[Any] = deque()
        self._watermark = Watermark()
        self._ends = Ends(broker, (), clock)
        self._polled_s = clock()
        self._lost = False
        self._consumer: Any = (
            broker.consumer((), _FETCH_BYTES_MAX) if group is None else broker.member(group, _FETCH_BYTES_MAX)
        )
        self._member = None if group is None else Membership(self._consumer)
        try:
            with self._asking():
                places = [place for topic in since for place in existing_places(broker, self._consumer, topic)]
                self._ends = Ends(broker, places, clock)
                if self._member is None:
                    self._assign(places)
                else:
                    self._consumer.subscribe(self._topics)
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> bool:
        """True after `stop`."""
        return self._stopped

    def next_record(self) -> Any:
        """As in `Source`."""
        self._broker.owner.check()
        if self._records:
            self.keep()
        else:
            self._poll()
        if not self._records:
            return None
        record = self._records.popleft()
        self._watermark.given(TopicPartition(record.topic, record.partition), record.timestamp)
        return record

    def keep(self) -> None:
        """As in `Source`: a poll now and then."""
        self._broker.owner.check()
        if self._member is not None and self._clock() - self._polled_s > _POLL_EVERY_S:
            self._poll(records_max=1)

    def watermark_ms(self) -> float:
        """As in `Source`."""
        return self._watermark.at_ms()

    def lost(self) -> bool:
        """As in `Source`."""
        lost, self._lost = self._lost, False
        return lost

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit the next offsets to read, as `Membership.commit`; without a group, do nothing."""
        self._broker.owner.check()
        if self._member is not None:
            with self._polling, self._asking():
                self._member.commit(offsets)

    def stop(self) -> None:
        """As in `Source`."""
        self._stopped = True

    def close(self) -> None:
        """As in `Source`; a group learns at once that its member is gone. Any thread may call it."""
        self._stopped = True
        if not self._broker.owner.is_here:
            return
        with self._polling:
            self._ends.close()
            self._consumer.close(autocommit=False, timeout_ms=_CLOSE_MS_MAX)

    def _assign(self, places: list[TopicPartition]) -> None:
        self._consumer.assign(places)
        for topic, since in self._since.items():
            those = [place for place in places if place.topic == topic]
            for place, span in spans_by_time(self._consumer, those, since, follow=True).items():
                self._consumer.seek(place, span.begin)
        self._watermark = Watermark(places)

    def _poll(self, records_max: int | None = None) -> None:
        """Poll once; during a rebalance, until it is over: kafka-python 3.0 drops an assignment that arrives between
        polls, and requests another rebalance."""
        self._look(records_max)
        begun_s = self._clock()
        while not (self._stopped or self._member is None or self._member.settled):
            if self._clock() - begun_s > _REBALANCE_S_MAX:
                raise ConnectionError(
                    f"the group that reads {', '.join(self._topics)} on {self._broker.kafka} rebalances for more than "
                    f"{_REBALANCE_S_MAX:g} s: its coordinator is away, or a member does not poll"
                )
            self._member.rejoin()
            self._look(records_max)

    def _look(self, records_max: int | None) -> None:
        """One poll. After `stop`, its errors are ignored."""
        with self._polling:
            if self._stopped:
                return
            try:
                with self._asking():
                    came = self._read(records_max)
                if (told := self._ends.ask(heard=came)) is not None:
                    self._watermark.told(*told)
            except ConnectionError:
                if not self._stopped:
                    raise

    def _read(self, records_max: int | None) -> bool:
        """Whether records or an assignment arrived."""
        polled = self._consumer.poll(timeout_ms=_POLL_MS, max_records=records_max)
        self._polled_s = self._clock()
        if self._member is not None and self._member.rebalanced:
            # Records of this poll are from before the rebalance, or from another offset than `since`.
            self._records.clear()
            self._lost = True
            self._watermark = Watermark(self._member.go_on(self._since))
            return True
        for records in polled.values():
            self._records.extend(records)
        if self._member is None or self._member.settled:
            waiting = {TopicPartition(record.topic, record.partition) for record in self._records}
            for place in set(self._watermark.behind) - waiting:
                self._watermark.reached(place, self._consumer.position(place, timeout_ms=_ANSWER_MS_MAX) or 0)
        return bool(polled)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise ConnectionError(f"{', '.join(self._topics)} on {self._broker.kafka}: no answer: {error!r}") from error
