"""Answers that Redis had confirmed and has no more are written again, on a real Valkey."""

import logging
from collections.abc import Sequence
from functools import partial

import pytest
import redis

from adapters.redis import AnswerIndex
from schemas.errors import SparringError
from schemas.keys import Keys
from schemas.limits import INDEX_KEPT_BYTES_MAX, INDEX_KEPT_S
from schemas.results import Answer
from sparring.stack import LocalStack
from tests.workers.indexer.answers import SHOP, official
from workers.indexer.unflushed import UnflushedWrites


class Forgetful:
    """What Redis has of one namespace, and how it forgets."""

    def __init__(self, broker: LocalStack, index: AnswerIndex) -> None:
        self._redis = redis.Redis.from_url(broker.redis, decode_responses=True)
        self._keys = Keys(index.namespace)
        self._index = index

    def forgets(self, answers: Sequence[Answer], number: int) -> None:
        """These are gone, and the mark is an older one."""
        (mark,) = self._redis.keys(self._keys.indexer("*"))
        self._redis.set(mark, number)
        for answer in answers:
            self._redis.delete(self._keys.request(answer.request_id))

    def seconds_of_the_mark(self) -> int:
        """How long it will stay."""
        (mark,) = self._redis.keys(self._keys.indexer("*"))
        return int(self._redis.ttl(mark))

    def shortens_the_mark(self, seconds: int) -> None:
        (mark,) = self._redis.keys(self._keys.indexer("*"))
        self._redis.expire(mark, seconds)

    def has(self, *answers: Answer) -> bool:
        return all(self._index.read(one.request_id, SHOP).official for one in answers)


@pytest.fixture
def server(broker: LocalStack, index: AnswerIndex) -> Forgetful:
    return Forgetful(broker, index)


def test_what_is_missing_is_written_again_with_the_next_write_and_without_one(
    index: AnswerIndex, server: Forgetful
) -> None:
    first, second, third, fourth = (official(f"unflushed-{number}") for number in range(4))
    unflushed = UnflushedWrites(index, lambda: 0.0)  # nothing gets too old
    for answer in (first, second, third):
        unflushed.write([answer])
    server.forgets([second, third], 1)
    unflushed.write([fourth])
    assert server.has(first, second, third, fourth)
    server.forgets([third, fourth], 2)
    unflushed.verify()
    assert server.has(third, fourth)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "workers.indexer.unflushed"]


def test_nothing_is_written_again_where_nothing_is_missing(
    index: AnswerIndex, caplog: pytest.LogCaptureFixture
) -> None:
    unflushed = UnflushedWrites(index)
    for number in range(3):
        unflushed.write([official(f"kept-{number}")])
        unflushed.verify()
    assert not said(caplog)


def test_the_mark_of_an_indexer_that_has_nothing_to_write_stays(index: AnswerIndex, server: Forgetful) -> None:
    unflushed = UnflushedWrites(index)
    unflushed.write([official("the last for a day")])
    assert server.seconds_of_the_mark() > 3600, "not only as long as this index keeps its answers"
    server.shortens_the_mark(60)
    unflushed.verify()
    assert server.seconds_of_the_mark() > 3600


def test_a_record_is_done_with_when_redis_cannot_forget_its_answer_any_more(
    index: AnswerIndex, server: Forgetful
) -> None:
    now_s = [0.0]
    unflushed = UnflushedWrites(index, lambda: now_s[0])
    answer = official("not yet")
    assert unflushed.write([answer], [lambda: "done"]) == []
    now_s[0] = INDEX_KEPT_S - 1
    server.forgets([answer], 0)
    assert unflushed.verify() == []
    assert server.has(answer)
    now_s[0] = INDEX_KEPT_S + 1
    assert unflushed.verify() == [], "it was written again unflushed"
    now_s[0] = 2 * INDEX_KEPT_S
    assert [receipt() for receipt in unflushed.verify()] == ["done"]
    assert unflushed.verify() == []


def test_answers_that_are_too_many_to_be_kept_are_not_done_with_sooner(index: AnswerIndex) -> None:
    now_s = [0.0]
    unflushed = UnflushedWrites(index, lambda: now_s[0])
    half = INDEX_KEPT_BYTES_MAX // 2
    for number in range(3):
        assert unflushed.write([official(f"large-{number}", bytes(half))], [partial(int, number)]) == []
    now_s[0] = INDEX_KEPT_S + 1
    assert [receipt() for receipt in unflushed.verify()] == [0, 1, 2]


def test_an_indexer_ends_where_redis_lost_what_was_too_much_to_be_kept_and_nothing_of_it_is_done_with(
    index: AnswerIndex, server: Forgetful
) -> None:
    unflushed = UnflushedWrites(index, lambda: 0.0)
    large = [official(f"lost-{number}", bytes(INDEX_KEPT_BYTES_MAX // 2)) for number in range(3)]
    for answer in large:
        assert unflushed.write([answer], [lambda: "done"]) == []
    server.forgets(large, 0)
    for _ in range(2):
        with pytest.raises(SparringError, match="the next indexer reads them again"):
            unflushed.verify()
    with pytest.raises(SparringError, match="the next indexer reads them again"):
        unflushed.write([official("after")], [lambda: "done"])


def test_what_is_too_old_to_be_kept_is_said(
    index: AnswerIndex, server: Forgetful, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = [0.0]
    unflushed = UnflushedWrites(index, lambda: now_s[0])
    old, new = official("old"), official("new")
    unflushed.write([old])
    now_s[0] += INDEX_KEPT_S + 1
    unflushed.write([new])
    server.forgets([old, new], 0)
    with caplog.at_level(logging.WARNING):
        unflushed.verify()
    assert (server.has(new), server.has(old)) == (True, False)
    assert said(caplog) == [
        "Redis had lost 1 answers that it had confirmed: they are written again",
        "Redis lost older answers as well, 1 writes: `sparring index rebuild` restores them",
    ]
