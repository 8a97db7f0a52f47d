"""Records as they come: of all partitions, or, in a consumer group, of those that Kafka assigns to this member."""

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import CommitFailedError, KafkaError
from kafka.structs import MemberState, OffsetAndMetadata

from adapters.clock import now_ms
from schemas.errors import RetryLater
from sparring.broker import Broker
from sparring.consuming.source import existing_places
from sparring.spans import end_offsets, first_offsets, offsets_at, spans_by_time

_ANSWER_MS_MAX: Final = 10_000
"""For each question to the broker, and for a poll after which it is asked whether it is there."""

_POLL_MS: Final = 200
_FETCH_BYTES_MAX: Final = 1024 * 1024
"""Of each partition, ahead of its reader; a larger record comes alone."""

_CLOSE_MS_MAX: Final = 2_000


class Following:
    """Records of topics on and on; a `Source`.

    Args:
        broker: where the topics are.
        since: of each topic, Unix milliseconds. None: from now on; in a group from the topic's beginning.
        group: a consumer group. It goes on where it last committed; `since` is for partitions where it never did.

    Raises:
        ConnectionError: a topic is not there, or the broker does not answer in time; so does `turn`.
    """

    def __init__(self, broker: Broker, since: Mapping[str, int | None], group: str | None) -> None:
        self._broker = broker
        self._topics = list(since)
        self._since = since
        self._stopped = False
        self._records: deque[Any] = deque()
        self._marks = Marks()
        self._polled_ms = now_ms()
        self._heard_s = time.monotonic()
        self._share: tuple[int, str, frozenset[TopicPartition]] | None = None
        self._lost = False
        self._consumer: Any = (
            broker.consumer((), _FETCH_BYTES_MAX) if group is None else broker.member(group, _FETCH_BYTES_MAX)
        )
        try:
            with self._asking():
                places = [place for topic in since for place in existing_places(broker, self._consumer, topic)]
                if group is None:
                    self._assign(places)
                else:
                    self._consumer.subscribe(self._topics)
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> bool:
        """Only where it was stopped."""
        return self._stopped

    def turn(self) -> Any:
        """As in `Source`."""
        if not self._records and not self._stopped:
            self._poll()
        if not self._records:
            return None
        record = self._records.popleft()
        self._marks.given(TopicPartition(record.topic, record.partition), record.timestamp)
        return record

    def watermark_ms(self) -> float:
        """As in `Source`."""
        return self._marks.watermark_ms()

    def lost(self) -> bool:
        """As in `Source`."""
        lost, self._lost = self._lost, False
        return lost

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Note for the group, by topic and partition, where reading goes on.

        RetryLater where the group gave partitions away meanwhile: what was not committed comes again."""
        wanted = {TopicPartition(*place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
        try:
            with self._asking():
                self._consumer.commit(wanted, timeout_ms=_ANSWER_MS_MAX)
        except CommitFailedError as error:
            raise RetryLater(
                f"the group was divided anew, and nothing was committed: {error}; results that were handed out since "
                "the last commit come again, here or at another member"
            ) from error

    def stop(self) -> None:
        """As in `Source`."""
        self._stopped = True

    def close(self) -> None:
        """As in `Source`; a group learns at once that its member is gone."""
        self._consumer.close(autocommit=False, timeout_ms=_CLOSE_MS_MAX)

    def _assign(self, places: list[TopicPartition]) -> None:
        self._consumer.assign(places)
        for topic, since in self._since.items():
            those = [place for place in places if place.topic == topic]
            for place, span in spans_by_time(self._consumer, those, since, follow=True).items():
                self._consumer.seek(place, span.begin)
        self._marks = Marks(dict.fromkeys(places, -math.inf))

    def _poll(self) -> None:
        began_ms = now_ms()
        with self._asking():
            polled = self._consumer.poll(timeout_ms=_POLL_MS)
            if self._divided_anew():
                # What came with it is of before, or from another offset than `since`.
                self._begin_again()
                return
            for records in polled.values():
                self._records.extend(records)
            # What was there when the poll before began would have come by now.
            self._marks.caught_up([place for place in self._at_their_ends() if place not in polled], self._polled_ms)
            self._polled_ms = began_ms
            self._ask_whether_anybody_is_there(heard=bool(polled))

    def _divided_anew(self) -> bool:
        """Whether Kafka has assigned partitions since this was last asked: others, or the same again."""
        known = self._consumer.group_metadata()
        share = (known.generation_id, known.member_id, frozenset(self._consumer.assignment()))
        if known.state is not MemberState.STABLE or share == self._share:
            return False
        self._share = share
        return True

    def _begin_again(self) -> None:
        """After Kafka has assigned partitions: from where the group committed, else from `since`."""
        self._records.clear()
        self._lost = True
        places = sorted(self._consumer.assignment())
        committed = {place: self._consumer.committed(place, timeout_ms=_ANSWER_MS_MAX) for place in places}
        for place, offset in committed.items():
            self._consumer.seek(place, self._first(place) if offset is None else offset)
        self._marks = Marks(dict.fromkeys(places, -math.inf))

    def _first(self, place: TopicPartition) -> int:
        """Where a new group begins."""
        since = self._since[place.topic]
        if since is None:
            return first_offsets(self._consumer, [place])[place]
        return offsets_at(self._consumer, end_offsets(self._consumer, [place]), since)[place]

    def _at_their_ends(self) -> list[TopicPartition]:
        """Partitions of which all was read that the broker has told of."""
        return [
            place
            for place in self._marks.by_place
            if (end := self._consumer.highwater(place)) is not None
            and (self._consumer.position(place, timeout_ms=_ANSWER_MS_MAX) or 0) >= end
        ]

    def _ask_whether_anybody_is_there(self, *, heard: bool) -> None:
        """A client that lost its broker is as silent as a topic where nothing comes."""
        now_s = time.monotonic()
        if not heard and now_s - self._heard_s > _ANSWER_MS_MAX / 1000:
            end_offsets(self._consumer, [TopicPartition(topic, 0) for topic in self._topics])
            heard = True
        if heard:
            self._heard_s = now_s

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except CommitFailedError:
            raise
        except KafkaError as error:
            raise ConnectionError(f"{', '.join(self._topics)} on {self._broker.kafka}: no answer: {error!r}") from error


@dataclass(slots=True)
class Marks:
    """How far each partition was read, in time (Unix ms). Pure."""

    by_place: dict[TopicPartition, float] = field(default_factory=dict)

    def given(self, place: TopicPartition, timestamp_ms: int) -> None:
        """A record was given."""
        self.by_place[place] = max(self.by_place.get(place, -math.inf), timestamp_ms)

    def caught_up(self, places: Sequence[TopicPartition], at_ms: int) -> None:
        """All that was there at this time was read."""
        for place in places:
            self.by_place[place] = max(self.by_place.get(place, -math.inf), at_ms)

    def watermark_ms(self) -> float:
        """What was published before this has been given."""
        return min(self.by_place.values(), default=-math.inf)
