"""`verify` on a running system: everything is accounted for, and what somebody breaks afterwards is found."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
import redis
from confluent_kafka import Producer

from adapters.clock import now_ms
from schemas.keys import Keys
from sparring import Client, ModelVersion, Pipeline
from sparring.ledger.account import LedgerReport
from sparring.ledger.read import verify
from sparring.stack import LocalStack
from tests.journeys.accounts import settled
from tests.journeys.wire import Wire
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]
ROW = b'[{"tensor": [1, 2]}]'
_names = count(1)


@pytest.fixture
def traffic(client: Client, wire: Wire, scale: Scale) -> Iterator[tuple[Pipeline, int, list[str]]]:
    """A split before a shadow, frames of two cameras, some of them wrong, and a swap in the middle."""
    since = now_ms()
    pipeline = client.build_pipeline(f"accounted-{next(_names)}")
    champion, rival, third = scale("ledger-a", 2.0), scale("ledger-b", 3.0), scale("ledger-c", 4.0)
    pipeline.add_shadow_deploy(champion, [rival, third]).deploy()
    ids: list[str] = []
    for number in range(60):
        if number == 30:
            wire.answers(ids)
            pipeline.replace_with_random_split(0, [(2, champion), (1, rival)]).deploy()
        value = b"no json" if number % 10 == 9 else f'[{{"tensor": [{number}, 2]}}]'.encode()
        ids.append(wire.send(pipeline.name(), value, key=f"camera-{number % 2}".encode()))
    wire.answers(ids)
    wire.challengers(ids[:30], count=2)
    for number in range(9, 60, 10):
        wire.deadletter(ids[number])
    yield pipeline, since, ids
    pipeline.undeploy()


def test_a_live_system_is_in_order_and_what_is_taken_away_is_found(
    client: Client, stack: LocalStack, traffic: tuple[Pipeline, int, list[str]]
) -> None:
    pipeline, since, ids = traffic
    connection = client._connection  # noqa: SLF001 (what the command line opens by itself)
    name = pipeline._name  # noqa: SLF001

    report = settled(client, since, pipeline)
    assert report.counts["frames"] == 60
    assert (report.counts["answered ok"], report.counts["answered error"]) == (54, 6)
    assert report.counts["dead letters"] == 6
    assert report.counts["records on shadows"] == 60

    keys = Keys(stack.namespace)
    with redis.Redis.from_url(stack.redis) as index:
        index.delete(keys.request(ids[0]))
    producer = Producer({"bootstrap.servers": stack.kafka})
    producer.produce(connection.topics.frames, b"[]", headers=[("pipeline", b"nobodys"), ("request-id", b"x")])
    producer.flush(10)
    report = verify(connection, since, now_ms() + 1000, name)
    assert [(one.kind, one.request_id) for one in report.findings] == [("not in the index", ids[0])]
    assert verify(connection, since, now_ms(), name, index=False).in_order
    assert verify(connection, now_ms() + 1000, now_ms() + 2000, name).counts["frames"] == 0


def test_a_camera_whose_clock_is_ahead_is_accounted_for(
    client: Client, pipeline: Pipeline, wire: Wire, scale: Scale
) -> None:
    """Its frames were answered long before their own time, by a version that is not live any more."""
    pipeline.add_model_step(scale("ledger-a", 2.0)).deploy()
    ahead = now_ms() + 1_800_000
    ids = [wire.send(pipeline.name(), ROW, key=b"camera", at=ahead + number) for number in range(10)]
    wire.answers(ids)
    pipeline.replace_with_model_step(0, scale("ledger-b", 3.0)).deploy()
    connection, name = client._connection, pipeline._name  # noqa: SLF001 (what the command line opens by itself)

    def account() -> LedgerReport:
        return verify(connection, ahead, ahead + 1_000, name)

    eventually(lambda: account().in_order, 60, "an account in order")
    assert account().counts["frames"] == len(ids)


def test_frames_of_an_aborted_transaction_are_no_frames(
    client: Client, stack: LocalStack, pipeline: Pipeline, wire: Wire, scale: Scale
) -> None:
    since = now_ms()
    pipeline.add_model_step(scale("ledger-a", 2.0)).deploy()
    connection, name = client._connection, pipeline._name  # noqa: SLF001 (what the command line opens by itself)
    producer = Producer({"bootstrap.servers": stack.kafka, "transactional.id": f"ledger-{since}"})
    producer.init_transactions(60)
    ids = {word: [f"{word}-{since}-{partition}" for partition in range(4)] for word in ("committed", "aborted")}
    for word, requests in ids.items():
        producer.begin_transaction()
        for partition, request in enumerate(requests):
            headers = {"pipeline": pipeline.name(), "request-id": request}
            producer.produce(connection.topics.frames, ROW, partition=partition, headers=headers)
        assert producer.flush(60) == 0
        if word == "committed":
            producer.commit_transaction(60)
        else:
            producer.abort_transaction(60)
    wire.answers(ids["committed"])
    after = wire.send(pipeline.name(), ROW)
    wire.answers([after])
    report = settled(client, since, pipeline)
    assert (report.counts["frames"], report.counts["answered ok"]) == (5, 5)
    assert verify(connection, since, now_ms(), name).in_order


def test_a_strangers_record_ends_no_account(client: Client, pipeline: Pipeline, wire: Wire, scale: Scale) -> None:
    since = now_ms()
    pipeline.add_model_step(scale("ledger-a", 2.0)).deploy()
    (mine, other) = (wire.send(pipeline.name(), ROW) for _ in range(2))
    answer = replace(wire.answers([mine, other])[mine], status="error", value=b"no JSON")
    connection, name = client._connection, pipeline._name  # noqa: SLF001 (as above)
    connection.broker.send(connection.topics.results, answer.value, answer.key, answer.headers())
    report = verify(connection, since, now_ms(), name, index=False)
    assert [(one.kind, one.request_id) for one in report.findings] == [("missing dead letter", mine)]
