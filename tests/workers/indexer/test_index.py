"""The index of answers on a real Valkey: what wins, what is counted, what expires."""

import contextlib
import dataclasses
import random
from pathlib import Path

import pytest
import redis

from adapters.clock import now_ms
from adapters.redis import AnswerIndex, field_of
from schemas.errors import RetryLater
from schemas.keys import Keys
from schemas.limits import MIB, PIPELINE_LOG_MAX
from sparring.stack import LocalStack
from tests.waiting import eventually
from tests.workers.indexer.answers import SHOP, challenger, official
from tests.workers.indexer.conftest import OwnValkey


def test_an_answer_comes_back_as_it_was_but_for_its_key(index: AnswerIndex) -> None:
    answer = dataclasses.replace(official("r", value=bytes(range(256))), traceparent="00-trace")
    index.write([answer])
    assert index.read("r", SHOP).official == dataclasses.replace(answer, key=b"")


def test_a_request_that_nobody_answered_has_no_answers(index: AnswerIndex) -> None:
    answers = index.read("nobody", SHOP)
    assert (answers.official, answers.challengers, answers.duplicates) == (None, (), 0)
    assert not answers.complete


def test_the_first_official_answer_stays_and_a_redelivery_changes_nothing(index: AnswerIndex) -> None:
    index.write([official("r", b"first")])
    index.write([official("r", b"again")])
    answers = index.read("r", SHOP)
    assert answers.official is not None
    assert answers.official.value == b"first"
    assert answers.duplicates == 0


def test_a_later_frame_with_the_same_request_id_is_counted_once_however_often_it_is_read(
    index: AnswerIndex,
) -> None:
    for _ in range(3):
        index.write([official("r", b"first", frame=1), official("r", b"second", frame=2)])
    index.write([official("r", b"third", frame=3)])
    answers = index.read("r", SHOP)
    assert answers.official is not None
    assert answers.official.value == b"first"
    assert answers.duplicates == 2


def test_a_real_answer_replaces_shed_and_shed_replaces_nothing(index: AnswerIndex) -> None:
    index.write([official("r", parts=1), challenger("r", status="shed")])
    assert index.read("r", SHOP).challengers[0].status == "shed"
    index.write([challenger("r", value=b"real")])
    index.write([challenger("r", value=b"later"), challenger("r", status="shed")])
    assert [one.value for one in index.read("r", SHOP).challengers] == [b"real"]


def test_a_request_is_complete_with_its_official_answer_and_all_challengers_of_that_version(
    index: AnswerIndex,
) -> None:
    index.write([challenger("r", "a"), challenger("r", "a", version="pv0"), challenger("r", "c", version="pv0")])
    assert index.read("r", SHOP).challengers == ()
    index.write([official("r", parts=2)])
    assert [one.model for one in index.read("r", SHOP).challengers] == ["a"]
    assert not index.read("r", SHOP).complete
    index.write([challenger("r", "b")])
    assert [one.model for one in index.read("r", SHOP).challengers] == ["a", "b"]
    assert index.read("r", SHOP).complete


def test_one_request_id_in_two_pipelines_is_two_requests(index: AnswerIndex) -> None:
    index.write([official("r", b"shop"), official("r", b"cars", pipeline="default/cars")])
    shop, cars = index.read("r", SHOP), index.read("r", "default/cars")
    assert shop.official is not None
    assert cars.official is not None
    assert (shop.official.value, cars.official.value) == (b"shop", b"cars")
    assert (shop.duplicates, cars.duplicates) == (0, 0)


def test_the_order_of_writing_of_different_requests_and_lanes_does_not_matter(broker: LocalStack, seed: int) -> None:
    chance = random.Random(seed)
    answers = [official(f"r{n}", parts=1) for n in range(20)] + [challenger(f"r{n}") for n in range(20)]
    states = []
    for name in ("straight", "shuffled"):
        index = AnswerIndex(broker.redis, f"order-{name}")
        index.write(answers)
        index.write(answers)
        states.append([index.read(f"r{n}", SHOP) for n in range(20)])
        assert all(one.complete for one in states[-1])
        chance.shuffle(answers)
        index.close()
    assert states[0] == states[1]


def test_everything_in_redis_expires(broker: LocalStack, index: AnswerIndex) -> None:
    index.write([official("r"), challenger("r"), official("r", frame=8), challenger("alone")])
    keys = Keys(index.namespace)
    with redis.Redis.from_url(broker.redis) as client:
        found = sorted(key.decode() for key in client.keys(f"{index.namespace}:*"))
        assert found == sorted([keys.request("r"), keys.request("alone"), keys.pipeline(SHOP)])
        assert all(90 < client.ttl(key) <= 100 for key in found)


def test_a_pipeline_lists_its_newest_requests_first(index: AnswerIndex) -> None:
    now = now_ms()
    index.write([official(f"r{n}", published_at=now + n) for n in (1, 3, 2)])
    index.write([official("r1", published_at=now + 9), challenger("r2")])
    assert index.newest(SHOP, 2) == ["r3", "r2"]


def test_a_pipeline_lists_no_request_that_has_expired(index: AnswerIndex) -> None:
    index.write([official("old", published_at=now_ms() - 101_000), official("new")])
    assert index.newest(SHOP, 10) == ["new"]


def test_a_pipelines_list_is_bounded(index: AnswerIndex) -> None:
    now = now_ms()
    index.write([official(f"r{n}", b"", published_at=now + n) for n in range(PIPELINE_LOG_MAX + 5)])
    listed = index.newest(SHOP, PIPELINE_LOG_MAX + 5)
    assert (len(listed), listed[0], listed[-1]) == (PIPELINE_LOG_MAX, f"r{PIPELINE_LOG_MAX + 4}", "r5")


def test_the_largest_answer_fits(index: AnswerIndex) -> None:
    index.write([official("r", bytes(16 * MIB))])
    answer = index.read("r", SHOP).official
    assert answer is not None
    assert len(answer.value) == 16 * MIB


def test_while_redis_is_away_whoever_writes_or_reads_is_told_to_retry(own_valkey: OwnValkey) -> None:
    index = AnswerIndex(own_valkey.url, "away")
    index.write([official("before")])
    own_valkey.go()
    with pytest.raises(RetryLater, match=r"Redis at redis://.*refused"):
        index.write([official("r")])
    with pytest.raises(RetryLater, match="Redis at"):
        index.read("r", SHOP)
    own_valkey.come()
    index.write([official("r")])
    assert index.read("r", SHOP).complete
    index.close()


def test_a_redis_without_enough_replicas_is_waited_for(own_valkey: OwnValkey) -> None:
    with (
        redis.Redis.from_url(own_valkey.url) as client,
        contextlib.closing(AnswerIndex(own_valkey.url, "alone")) as index,
    ):
        index.write([official("before")], ("indexer", 1))
        client.config_set("min-replicas-to-write", 1)
        with pytest.raises(RetryLater, match="NOREPLICAS"):
            index.write([official("r")], ("indexer", 2))
        with pytest.raises(RetryLater, match="NOREPLICAS"):
            index.mark("indexer")
        client.config_set("min-replicas-to-write", 0)
        index.write([official("r")], ("indexer", 2))
        assert index.read("r", SHOP).complete


def test_a_redis_that_cannot_write_its_disk_is_waited_for(own_valkey: OwnValkey, tmp_path: Path) -> None:
    with (
        redis.Redis.from_url(own_valkey.url) as client,
        contextlib.closing(AnswerIndex(own_valkey.url, "disk")) as index,
    ):
        index.write([official("before")])
        client.config_set("save", "3600 1")
        in_its_way = tmp_path / client.config_get("dbfilename")["dbfilename"]
        in_its_way.mkdir()
        client.bgsave()
        eventually(lambda: client.info()["rdb_last_bgsave_status"] == "err", 60, "the snapshot to fail")
        with pytest.raises(RetryLater, match="MISCONF"):
            index.write([official("r")])
        in_its_way.rmdir()
        client.bgsave()
        eventually(lambda: client.info()["rdb_last_bgsave_status"] == "ok", 60, "the snapshot to succeed")
        index.write([official("r")])
        assert index.read("r", SHOP).complete


def test_a_challengers_answer_that_does_not_say_of_which_model_is_no_answer() -> None:
    with pytest.raises(ValueError, match="without pipeline-version, model and model-version"):
        field_of(dataclasses.replace(challenger("r"), model=None))
