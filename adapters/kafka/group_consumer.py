"""Reads topics as a member of a consumer group, and commits its caller's offsets."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as PartitionOffset

from adapters.brokers import Brokers
from adapters.kafka.batches import cannot_be_unpacked, end_of_batch
from adapters.kafka.clients import UNPACKED_BYTES_MAX, consumer_config
from adapters.kafka.commits import COMMIT_S_MAX, Commits
from adapters.kafka.record import Committed, Record, TopicPartition, record_of
from schemas.errors import RetryLater

log = logging.getLogger(__name__)

_REQUEST_S: Final = 10.0


class GroupConsumer:
    """Reads topics as a member of a group. Nothing is committed but by `commit`.

    on_assign gets each newly assigned partition's committed offset and metadata before its first
    record is read; on_revoke is called while commits for the partitions are still accepted, on_lost
    when they are not. All run inside `read`, `close`, or a `commit` that waits long for its answer.
    """

    def __init__(
        self,
        kafka: Brokers,
        group: str,
        topics: Iterable[str],
        on_assign: Callable[[Mapping[TopicPartition, Committed]], None] | None = None,
        on_revoke: Callable[[set[TopicPartition]], None] | None = None,
        on_lost: Callable[[set[TopicPartition]], None] | None = None,
    ) -> None:
        self._kafka = kafka
        self._group = group
        self._consumer = Consumer(consumer_config(kafka, group), logger=log)
        self._on_assign = on_assign
        self._on_revoke = on_revoke
        self._on_lost = on_lost
        self.assigned: set[TopicPartition] = set()
        self._begun: dict[TopicPartition, int] = {}
        """Where reading a partition began: until its first record its position is unknown."""
        self.joined = False
        """Whether the group has given this member its share, be it none."""
        self._passed: dict[TopicPartition, int] = {}
        """Behind the last batch of a partition that could not be read."""
        self._epochs: dict[TopicPartition, int] = {}
        self._turns_given = 0
        self._rebalancing = False
        self._commits = Commits(self._consumer, self.assigned)
        self._consumer.subscribe(list(topics), on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lost)

    def read(self, records_max: int, wait_s: float) -> list[Record]:
        """Up to `records_max` records; waits at most `wait_s` for the first, never for the others."""
        if self._commits.ahead:
            return self._commits.take(records_max)
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        rest = self._consumer.consume(records_max - 1, timeout=0) if records_max > 1 else []
        records = []
        for message in (first, *rest):
            if cannot_be_unpacked(message):
                self._pass_over(message)
            elif (record := record_of(message)) is not None:
                records.append(record)
        # A rebalance between two of them may have given their partition away.
        return [record for record in records if record.place in self.assigned]

    def _pass_over(self, message: Message) -> None:
        """Go on behind a batch that can never be read."""
        topic, partition, begin = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
        if begin < self._passed.get((topic, partition), 0) or (topic, partition) not in self.assigned:
            return  # said twice, or no longer ours
        end = end_of_batch(self._kafka, self._group, topic, partition, begin)
        log.error(
            "%s/%d: the batch at %d cannot be unpacked: it is damaged, or unpacks to more than %d bytes; it is passed "
            "over, and none of its %d records is answered",
            *(topic, partition, begin, UNPACKED_BYTES_MAX, end - begin),
        )
        self._passed[topic, partition] = end
        self._consumer.seek(PartitionOffset(topic, partition, end))

    def commit(self, offsets: Mapping[TopicPartition, int], metadata: str = "") -> None:
        """Commit the next offset to read of each partition. RetryLater where the group moved on:
        whoever has the partition now reads these records again."""
        places = [
            PartitionOffset(*place, offset, metadata) for place, offset in offsets.items() if place in self.assigned
        ]
        if not places:
            return
        answer = self._commits.at_once(places) if self._rebalancing else self._commits.beside(places)
        try:
            committed = answer.result(0.0)
        except KafkaException as error:
            raise RetryLater(f"commit of {dict(offsets)}: {error.args[0].str()}") from error
        except TimeoutError:
            raise RetryLater(f"commit of {dict(offsets)}: no answer in {COMMIT_S_MAX:g} s") from None
        if failed := [place for place in committed if place.error is not None]:
            raise RetryLater(f"commit of {dict(offsets)}: {failed[0].error}")

    def assignment_epoch(self, place: TopicPartition) -> int | None:
        """Which assignment of the partition this is: another number each time it comes; None where it is not ours."""
        return self._epochs[place] if place in self.assigned else None

    def lag(self) -> int:
        """Records in the assigned partitions that are not read yet, as far as the last fetch has seen."""
        behind = 0
        try:
            for place in self._consumer.position([PartitionOffset(*place) for place in self.assigned]):
                low, high = self._consumer.get_watermark_offsets(place, cached=True)
                begun = max(low, self._begun.get((place.topic, place.partition), 0))
                behind += max(0, high - (place.offset if place.offset >= 0 else begun))
        except KafkaException as error:
            log.warning("lag: %s", error.args[0].str())
        return behind

    def close(self) -> None:
        """Leave the group, so that others take the partitions at once."""
        self._consumer.close()

    def _assign(self, consumer: Consumer, places: list[PartitionOffset]) -> None:
        committed = consumer.committed(places, timeout=_REQUEST_S) if places else []
        for place in places:
            self._turns_given += 1
            self._epochs[place.topic, place.partition] = self._turns_given
        self.assigned |= {(place.topic, place.partition) for place in places}
        self.joined = True
        found = {}
        for place in committed:
            known = place.offset != OFFSET_INVALID and place.offset >= 0
            self._begun[place.topic, place.partition] = place.offset if known else 0
            found[place.topic, place.partition] = Committed(place.offset if known else None, place.metadata or "")
            if known:
                self._log_lost_records(consumer, place)
        if self._on_assign is not None:
            self._on_assign(found)
        consumer.incremental_assign(
            [PartitionOffset(t, p, *(() if c.offset is None else (c.offset,))) for (t, p), c in found.items()]
        )
        # A commit that waits pauses what is assigned; whatever was lost meanwhile comes back paused.
        consumer.resume([PartitionOffset(*place) for place in found])

    def _log_lost_records(self, consumer: Consumer, place: PartitionOffset) -> None:
        low, high = consumer.get_watermark_offsets(PartitionOffset(place.topic, place.partition), timeout=_REQUEST_S)
        if place.offset < low or place.offset > high:
            log.error(
                "committed offset %d of %s/%d is outside what the topic holds (%d to %d): records were "
                "removed before they were read",
                *(place.offset, place.topic, place.partition, low, high),
            )

    def _revoke(self, consumer: Consumer, places: list[PartitionOffset]) -> None:
        gone = {(place.topic, place.partition) for place in places}
        self._rebalancing = True
        try:
            if self._on_revoke is not None:
                self._on_revoke(gone)
        finally:
            self._rebalancing = False
        self._forget(gone)
        consumer.incremental_unassign(places)

    def _lost(self, _consumer: Consumer, places: list[PartitionOffset]) -> None:
        # Others have the partitions already: nothing can be committed, they do the work again.
        gone = {(place.topic, place.partition) for place in places}
        self._forget(gone)
        self.joined = False
        if self._on_lost is not None:
            self._on_lost(gone)
        log.warning("lost %s to other members of the group", [f"{p.topic}/{p.partition}" for p in places])

    def _forget(self, gone: set[TopicPartition]) -> None:
        self.assigned -= gone
        for place in gone:
            self._passed.pop(place, None)
        self._commits.forget(gone)
