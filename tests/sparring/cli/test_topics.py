"""`sparring topics`, as typed, against the real broker: each test in a namespace of its own."""

import json
import os
import re
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from adapters.brokers import Brokers
from adapters.topics import check_topics
from schemas.names import ModelKey
from schemas.topics import Topic, fixed_topics, work_topic
from sparring.cli.topics import ROLES, FoundTopic, differences, row
from sparring.kafka.broker import Broker
from sparring.stack import LocalStack
from tests.waiting import eventually

CONTRACT = Path(__file__).parents[3] / "docs" / "contract.md"
MODEL = ModelKey("default", "yolox-nano", "3b0e")
_numbers = count(1)


class Typed:
    """`sparring topics ...` with the environment of a Kafka of one's own."""

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka
        self.namespace = f"topics{next(_numbers)}"

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {
            "SPARRING_KAFKA": self.kafka,
            "SPARRING_NAMESPACE": self.namespace,
            "COLUMNS": "200",
        }
        return subprocess.run(
            (sys.executable, "-m", "sparring", "topics", *arguments),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def listed(self) -> dict[str, dict[str, Any]]:
        return {topic["name"]: topic for topic in json.loads(self("list", "--json").stdout)}


@pytest.fixture
def topics(broker: LocalStack) -> Typed:
    return Typed(broker.kafka)


def make(topics: Typed, name: str, partitions: int, config: dict[str, str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=topics.kafka)
    admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": config}})
    eventually(lambda: name in admin.list_topics(), 60, f"{name} to be there")
    admin.close()


def found(topic: Topic, partitions: int | None = None, **config: str) -> FoundTopic:
    held = topic.config() | {name.replace("_", "."): value for name, value in config.items()}
    return FoundTopic(topic.name, partitions or topic.partitions, 1, -1, 0, topic.compacted, "", "", held)


def test_create_makes_what_the_services_ask_for_and_does_nothing_the_second_time(topics: Typed) -> None:
    expected = fixed_topics(topics.namespace)
    first, second = topics("create"), topics("create")
    assert (first.returncode, second.returncode, first.stderr, second.stderr) == (0, 0, "", "")
    assert first.stdout.splitlines() == [f"{topic.name}: created" for topic in expected]
    assert second.stdout.splitlines() == [f"{topic.name}: was there" for topic in expected]
    check_topics(Brokers(topics.kafka), expected)


def test_create_names_what_differs_and_what_is_expected_and_leaves_it_as_it_is(topics: Typed) -> None:
    make(topics, f"{topics.namespace}.results", 2, {"retention.ms": "3600000", "max.message.bytes": "20000000"})
    lines = topics("create").stdout.splitlines()
    assert lines[1] == (
        f"{topics.namespace}.results: was there, but differs: partitions is 2, expected 4; "
        "retention.ms is 3600000, expected 604800000"
    )
    assert sum("differs" in line for line in lines) == 1
    assert topics.listed()[f"{topics.namespace}.results"]["retention_ms"] == 3600000


def test_a_topic_that_takes_too_little_or_loses_its_order_differs_and_one_with_room_does_not() -> None:
    frames, *_, catalog, _presence = fixed_topics("n")
    assert differences(found(frames, max_message_bytes="1048588"), frames) == [
        "max.message.bytes is 1048588, expected 16842752"
    ]
    assert differences(found(frames, partitions=12, max_message_bytes="35651584"), frames) == []
    assert differences(found(catalog, partitions=4, cleanup_policy="compact"), catalog) == [
        "partitions is 4, expected 1",
        "cleanup.policy is compact, expected delete",
    ]


def test_list_shows_each_topic_with_its_limits_and_who_writes_and_reads_it(topics: Typed) -> None:
    topics("create")
    with Broker(Brokers(topics.kafka)) as broker:
        broker.create([work_topic(topics.namespace, MODEL, "shadow")])
    shown = topics("list")
    lines = {line.split()[0]: re.split(r"\s{2,}", line.strip()) for line in shown.stdout.splitlines()}
    assert shown.returncode == 0
    assert lines[f"{topics.namespace}.frames"][1:] == ["4", "1", "24 h", "16 MiB", "anyone", "router"]
    assert lines[f"{topics.namespace}.presence"][3] == "newest per key"
    assert lines[f"{topics.namespace}.catalog"][3] == "for ever"
    listed = topics.listed()
    assert set(listed) == {topic.name for topic in fixed_topics(topics.namespace)} | {
        f"{topics.namespace}.shadow.default.yolox-nano.3b0e"
    }
    frames = listed[f"{topics.namespace}.frames"]
    assert (frames["replication"], frames["retention_ms"]) == (1, 24 * 3_600_000)
    assert frames["config"]["min.insync.replicas"] == "1"


def test_list_of_an_empty_namespace_says_what_to_do_with_its_own_exit_code(topics: Typed) -> None:
    shown = topics("list")
    assert shown.returncode == 3
    assert shown.stdout == (f"{topics.kafka} has no topic of {topics.namespace}: `sparring topics create` makes them\n")
    assert topics("list", "--json").stdout == "[]\n"


@pytest.mark.parametrize("action", ["create", "list"])
def test_without_a_broker_each_action_fails_in_one_line(action: str) -> None:
    done = Typed("127.0.0.1:1")(action)
    assert done.returncode == 1
    assert done.stderr.startswith("sparring: no Kafka answers at 127.0.0.1:1")
    assert done.stderr.count("\n") == 1


def test_topics_without_an_action_is_wrong_usage(topics: Typed) -> None:
    assert topics().returncode == 2


def test_only_names_of_the_table_belong_to_a_namespace() -> None:
    assert row("shop.frames", "shop") == "frames"
    assert row("shop.work.default.m.1", "shop") == "work"
    for other in ("shop.frames.old", "shop.work", "shop.orders", "my.shop.frames", "shopper.frames", "frames"):
        assert row(other, "shop") is None


def test_who_writes_and_reads_is_what_the_contract_says() -> None:
    rows = re.findall(
        r"^\| `(\w+)[^`]*` \|[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|[^|]*\|$", CONTRACT.read_text(), re.MULTILINE
    )
    said = {name: (writes.strip(), reads.strip()) for name, writes, reads in rows}
    assert {name: said[name] for name in ROLES} == ROLES
