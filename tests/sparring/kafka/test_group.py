"""Records as they come, on a real broker: a group is divided, Kafka stands still, the user is slow."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from kafka.structs import MemberState

from adapters.brokers import Brokers
from adapters.clock import now_ms
from schemas.errors import RetryLater
from schemas.limits import PARTITIONS
from sparring.kafka.broker import Broker
from sparring.kafka.group import Following, Membership
from sparring.results.query import Filter, ResultQuery
from sparring.results.stream import ResultStream
from sparring.stack import LocalStack
from tests.freezing import frozen
from tests.sparring.results.test_answers import NOW, Writer, writer
from tests.waiting import eventually

__all__ = ["writer"]  # a fixture

STILL_S = 2.5
"""Longer than the ends of the partitions are asked for again: what stands still for so long, stands still."""


@pytest.fixture(scope="module")
def broker(own_broker: LocalStack) -> LocalStack:
    """Tests of this file freeze it."""
    return own_broker


@pytest.fixture(scope="module")
def kafka(broker: LocalStack) -> Iterator[Broker]:
    with Broker(Brokers(broker.kafka)) as connected:
        yield connected


def follow(kafka: Broker, writer: Writer, group: str | None = "g", **more: Any) -> Following:
    namespace = writer.topics.namespace  # of this test alone
    return Following(kafka, {writer.topics.results: None}, None if group is None else f"{group}-{namespace}", **more)


def state(member: Following) -> MemberState:
    found: MemberState = member._consumer.group_metadata().state  # noqa: SLF001 (Kafka's view of it)
    return found


def share(member: Following) -> int:
    """How many partitions it has."""
    return len(member._consumer.assignment()) if state(member) is MemberState.STABLE else 0  # noqa: SLF001


def still(seconds: float) -> None:
    """What is to happen meanwhile happens in other threads."""
    threading.Event().wait(seconds)


@dataclass(frozen=True)
class Turn:
    """What was so after it. partitions: those that the member reads; given: that of its record."""

    watermark_ms: float
    partitions: frozenset[int]
    given: tuple[int, int] | None


class Driven(threading.Thread):
    """Takes its turns until it pauses."""

    def __init__(self, following: Following) -> None:
        super().__init__(daemon=True)
        self._following = following
        self._paused = threading.Event()
        self.turns: list[Turn] = []
        self.start()

    def run(self) -> None:
        while not self._paused.is_set():
            record = self._following.next_record()
            partitions = frozenset(place.partition for place in self._following._consumer.assignment())  # noqa: SLF001 (Kafka's view of it)
            given = None if record is None else (record.partition, record.timestamp)
            self.turns.append(Turn(self._following.watermark_ms(), partitions, given))

    def pause(self) -> None:
        self._paused.set()
        self.join(60)

    def passed(self, at_ms: int) -> tuple[frozenset[int], set[int]]:
        """When the watermark was first behind this time: the partitions that were read, and of which of them a record
        of that time had been given."""
        first = next(number for number, turn in enumerate(self.turns) if turn.watermark_ms > at_ms)
        given = {one.given[0] for one in self.turns[: first + 1] if one.given is not None and one.given[1] == at_ms}
        return self.turns[first].partitions, given


@contextmanager
def driven(*members: Following) -> Iterator[list[Driven]]:
    """They take their turns while the block runs."""
    driving = [Driven(member) for member in members]
    try:
        yield driving
    finally:
        for one in driving:
            one.pause()


def is_refused(member: Following, writer: Writer) -> bool:
    """Whether it is told that nothing was committed."""
    try:
        member.commit({(writer.topics.results, 0): 0})
    except RetryLater as error:
        assert "the group rebalances, and nothing was committed" in str(error)  # noqa: PT017 (else it is asked again)
        return True
    return False


def test_while_the_group_is_divided_nothing_is_committed_and_nothing_passed_before_it_was_given(
    kafka: Broker, writer: Writer
) -> None:
    """Kafka waits for the second, which does not poll, before it gives the third its share."""
    half = PARTITIONS // 2
    with ExitStack() as stack:
        first, second = (stack.enter_context(closing(follow(kafka, writer))) for _ in range(2))
        with driven(first, second):
            eventually(lambda: share(first) == share(second) == half, 60, "a half at each")
            eventually(lambda: first.watermark_ms() > 0, 60, "all to be read")
        third = stack.enter_context(closing(follow(kafka, writer)))
        with driven(first, third) as (driving, _):
            eventually(lambda: state(first) is MemberState.REBALANCING, 60, "the group to be divided")
            eventually(lambda: is_refused(first, writer), 60, "a commit to be refused")
            came_ms = now_ms()
            for partition in range(PARTITIONS):
                writer.write("late", came_ms, partition)
            still(STILL_S)
            second.close()
            eventually(lambda: share(first) == share(third) == half, 60, "a half at each of the two")
            eventually(lambda: first.watermark_ms() > came_ms, 60, "the watermark to go on")
    partitions, given = driving.passed(came_ms)
    assert partitions
    assert partitions <= given


def test_a_group_that_is_never_divided_is_an_error(
    kafka: Broker, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Membership, "settled", property(lambda _member: False))
    monkeypatch.setattr("sparring.kafka.group._REBALANCE_S_MAX", STILL_S)
    with (
        closing(follow(kafka, writer)) as following,
        pytest.raises(ConnectionError, match=r"rebalances for more than 2\.5 s: its coordinator is away, or a member"),
    ):
        following.next_record()


def test_a_rebalance_that_outlasts_a_poll_comes_to_its_end(
    kafka: Broker, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll ends between JoinGroup and SyncGroup, as on a busy machine: here because polls are short."""
    monkeypatch.setattr("sparring.kafka.group._REBALANCE_S_MAX", 60.0)
    with closing(follow(kafka, writer)) as following:
        following.next_record()
        assert state(following) is MemberState.STABLE
        monkeypatch.setattr("sparring.kafka.group._POLL_MS", 1)
        for _ in range(5):
            # As if the topic had another number of partitions when they were assigned: the client joins again.
            following._consumer._coordinator._assignment_snapshot = {}  # noqa: SLF001 (it cannot be had otherwise)
            following.next_record()
            assert state(following) is MemberState.STABLE


def test_while_kafka_stands_still_the_watermark_does(broker: LocalStack, kafka: Broker, writer: Writer) -> None:
    with closing(follow(kafka, writer, group=None)) as following, driven(following):
        eventually(lambda: following.watermark_ms() > 0, 60, "all to be read")
        with frozen(broker.process("kafka")):
            frozen_ms = now_ms()
            still(STILL_S)
            assert following.watermark_ms() <= frozen_ms
            thawed_ms = now_ms()
        eventually(lambda: following.watermark_ms() > thawed_ms, 60, "the watermark to go on")


class Clock:
    """A clock that runs, and can be put forward."""

    def __init__(self) -> None:
        self.forward_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.forward_s


@pytest.mark.parametrize("ordered", [False, True])
def test_who_takes_long_for_each_result_stays_in_the_group_and_lets_others_in(
    kafka: Broker, writer: Writer, ordered: bool
) -> None:
    """Hundreds are read ahead or, in order, wait behind the first; another gets its share all the same."""
    for number in [*range(1, 150), 0]:
        for partition in (0, PARTITIONS - 1):  # whichever half is left to it, there is something
            frame = f"frames/{partition}/{number}"
            writer.write(f"r{number}", NOW + number, partition, published_at=NOW, frame=frame)
    question = ResultQuery(Filter(), group="g", follow=True, ordered=ordered, late_ms=10**9)
    clock = Clock()
    following = follow(kafka, writer, clock=clock)
    handed_out: list[str] = []
    with ResultStream[Any](following, question) as slow:
        handed_out.append(next(slow).request_id)
        with closing(follow(kafka, writer)) as other, driven(other):

            def other_has_its_share() -> bool:
                clock.forward_s += 60  # so long takes each result
                still(0.25)
                handed_out.append(next(slow).request_id)
                return share(other) == PARTITIONS // 2

            eventually(other_has_its_share, 60, "the other to be let in")
    assert len(handed_out) < 150


def test_who_is_closed_by_another_thread_ends(kafka: Broker, writer: Writer) -> None:
    for group in (None, "g"):
        results = ResultStream[Any](follow(kafka, writer, group), ResultQuery(Filter(), group=group, follow=True))
        ended: list[object] = []
        reading = threading.Thread(target=lambda results=results, ended=ended: ended.append(list(results)))
        reading.start()
        reading.join(0.5)
        results.close()
        reading.join(60)
        assert ended == [[]]
        assert next(results, "ended") == "ended"
