"""Waiting for a request: woken by its answer, without asking, however many wait."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from adapters.redis import AnswerIndex, Answers
from schemas.errors import RetryLater
from tests.workers.indexer.answers import SHOP, challenger, official
from tests.workers.indexer.conftest import OwnValkey

WOKEN_S_MAX = 60.0


def complete(answers: Answers) -> bool:
    return answers.complete


def reads(client: Any) -> int:
    """How many times a hash was read from this server."""
    return int(client.info("commandstats").get("cmdstat_hgetall", {}).get("calls", 0))


def test_who_listens_before_it_sends_hears_its_answer(index: AnswerIndex) -> None:
    with index.subscription("r", SHOP) as subscription:
        index.write([official("r")])
        assert subscription.wait(complete, 5).complete


def test_an_answer_that_was_there_before_is_found(index: AnswerIndex) -> None:
    index.write([official("r")])
    with index.subscription("r", SHOP) as subscription:
        assert subscription.wait(complete, 5).complete


def test_waiting_again_goes_on_from_what_is_known(index: AnswerIndex) -> None:
    with index.subscription("r", SHOP) as subscription:
        index.write([official("r", parts=1)])
        assert subscription.wait(lambda answers: answers.official is not None, 5).challengers == ()
        index.write([challenger("r")])
        assert subscription.wait(complete, 5).complete


def test_what_is_known_is_returned_when_time_is_up(index: AnswerIndex) -> None:
    with index.subscription("r", SHOP) as subscription:
        index.write([official("r", parts=1)])
        started_s = time.monotonic()
        answers = subscription.wait(complete, 0.3)
        assert answers.official is not None
        assert not answers.complete
        assert time.monotonic() - started_s > 0.29


def test_the_condition_is_asked_again_without_news_once_a_second(index: AnswerIndex) -> None:
    asked_s: list[float] = []

    def late(_: Answers) -> bool:
        asked_s.append(time.monotonic())
        return asked_s[-1] - asked_s[0] > 1.5

    with index.subscription("r", SHOP) as subscription:
        subscription.wait(late, 10)
    assert asked_s[-1] - asked_s[0] > 1.5
    assert len(asked_s) < 6


def test_waiting_asks_redis_nothing(own_valkey: OwnValkey) -> None:
    index = AnswerIndex(own_valkey.url, "silent")
    with redis.Redis.from_url(own_valkey.url) as client, index.subscription("r", SHOP) as subscription:
        subscription.wait(complete, 5)
        assert reads(client) == 2  # when the subscription was granted, and when time was up
    index.close()


def test_forty_threads_hear_each_its_own_answer_and_each_is_woken(index: AnswerIndex) -> None:
    listening = threading.Barrier(41)
    written_s: dict[str, float] = {}

    def ask(request_id: str) -> float:
        with index.subscription(request_id, SHOP) as subscription:
            listening.wait(60)
            answers = subscription.wait(complete, WOKEN_S_MAX)
            assert answers.official is not None
            assert answers.official.value == request_id.encode()
            return time.monotonic() - written_s[request_id]

    names = [f"r{n}" for n in range(40)]
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(ask, name) for name in names]
        listening.wait(60)
        for name in names:
            written_s[name] = time.monotonic()
            index.write([official(name, name.encode())])
        woken_s = [one.result(2 * WOKEN_S_MAX) for one in asked]
    assert max(woken_s) < WOKEN_S_MAX / 2, "who is not woken asks again when its time is up"


def test_a_thousand_requests_one_after_the_other_use_the_same_connection(own_valkey: OwnValkey) -> None:
    with (
        redis.Redis.from_url(own_valkey.url) as client,
        contextlib.closing(AnswerIndex(own_valkey.url, "thousand")) as index,
    ):
        before = len(client.client_list())
        for number in range(1000):
            with index.subscription(f"r{number}", SHOP) as subscription:
                index.write([official(f"r{number}", str(number).encode())])
                answer = subscription.wait(complete, 5).official
                assert answer is not None
                assert answer.value == str(number).encode()
        assert len(client.client_list()) - before <= 2  # one listens, one reads and writes


def test_an_error_of_the_listener_passes_through_and_the_connection_is_used_again(index: AnswerIndex) -> None:
    with pytest.raises(LookupError, match="mine"), index.subscription("r", SHOP):
        raise LookupError("mine")
    with index.subscription("r2", SHOP) as subscription:
        index.write([official("r2")])
        assert subscription.wait(complete, 5).complete


def test_who_listens_while_redis_goes_and_comes_back_hears_the_answer(own_valkey: OwnValkey) -> None:
    index = AnswerIndex(own_valkey.url, "gone")
    writer = AnswerIndex(own_valkey.url, "gone")
    with ThreadPoolExecutor(1) as pool, index.subscription("r", SHOP) as subscription:
        subscription.wait(complete, 0.2)
        waiting = pool.submit(subscription.wait, complete, 15)
        own_valkey.go()
        own_valkey.come()
        writer.write([official("r")])
        assert waiting.result(20).complete
    index.close()
    writer.close()


def test_who_waits_while_redis_is_away_is_told_so_at_the_end(own_valkey: OwnValkey) -> None:
    index = AnswerIndex(own_valkey.url, "away")
    own_valkey.go()
    with index.subscription("r", SHOP) as subscription, pytest.raises(RetryLater, match="Redis at"):
        subscription.wait(complete, 0.5)
    index.close()
