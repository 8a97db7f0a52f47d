"""A member of a consumer group: what Kafka has given to it, where it goes on, what it commits."""

from collections.abc import Mapping
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import CommitFailedError, RebalanceInProgressError
from kafka.structs import MemberState, OffsetAndMetadata

from schemas.errors import RetryLater
from sparring.spans import end_offsets, first_offsets, offsets_at

_ANSWER_MS_MAX: Final = 10_000


class Membership:
    """Asks by its consumer, which is subscribed and polled elsewhere. All calls: KafkaError where nobody answers."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._going_on: tuple[object, ...] | None = None

    @property
    def settled(self) -> bool:
        """False while the group is being divided: a poll fetches nothing then, whatever lies on the topics."""
        return self._consumer.group_metadata().state is MemberState.STABLE

    @property
    def divided_anew(self) -> bool:
        """Whether Kafka has assigned partitions, others or the same again, from which `go_on` has not yet gone on."""
        return self.settled and self._share() != self._going_on

    def go_on(self, since: Mapping[str, int | None]) -> list[TopicPartition]:
        """Read the assigned partitions from where the group committed; returns them.

        since: of each topic, where it never did: Unix milliseconds, None: the topic's beginning.
        """
        share, places = self._share(), sorted(self._consumer.assignment())
        committed = {place: self._consumer.committed(place, timeout_ms=_ANSWER_MS_MAX) for place in places}
        for place, offset in committed.items():
            self._consumer.seek(place, self._first(place, since[place.topic]) if offset is None else offset)
        self._going_on = share
        return places

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Note for the group, by topic and partition, where reading goes on. RetryLater where it is, or was meanwhile,
        divided anew: what was not committed comes again."""
        wanted = {TopicPartition(*place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
        try:
            self._consumer.commit(wanted, timeout_ms=_ANSWER_MS_MAX)
        except (CommitFailedError, RebalanceInProgressError) as error:
            raise RetryLater(
                f"the group is divided anew, and nothing was committed: {error}; results that were handed out since "
                "the last commit come again, here or at another member"
            ) from error

    def _share(self) -> tuple[object, ...]:
        known = self._consumer.group_metadata()
        return known.generation_id, known.member_id, frozenset(self._consumer.assignment())

    def _first(self, place: TopicPartition, since: int | None) -> int:
        """Where a new group begins."""
        if since is None:
            return first_offsets(self._consumer, [place])[place]
        return offsets_at(self._consumer, end_offsets(self._consumer, [place]), since)[place]
