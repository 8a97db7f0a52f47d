"""Cameras compress as they like, and so may topics: every reader reads it, the indexer and the SDK among them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from adapters.clock import now_ms
from sparring import Client, ModelVersion, Pipeline
from sparring.stack import LocalStack
from tests.journeys.accounts import settled
from tests.journeys.wire import Wire

FRAMES = 20


@contextmanager
def topics_compress(stack: LocalStack, names: list[str], codec: str) -> Iterator[None]:
    """The broker writes what comes to these topics in its own way, as `compression.type` of a topic says."""

    def settle(value: str) -> None:
        entry = ConfigEntry("compression.type", value, incremental_operation=AlterConfigOpType.SET)
        admin = AdminClient({"bootstrap.servers": stack.kafka})
        wanted = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry]) for name in names]
        for changed in admin.incremental_alter_configs(wanted).values():
            changed.result(10)

    settle(codec)
    try:
        yield
    finally:
        settle("producer")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_frames_and_answers_are_read_by_all(
    codec: str,
    client: Client,
    stack: LocalStack,
    wire: Wire,
    pipeline: Pipeline,
    scale: Callable[[str, float], ModelVersion],
) -> None:
    pipeline.add_shadow_deploy(scale("squeezed", 2.0), [scale("squeezed-rival", 3.0)]).deploy()
    topics = client._connection.topics  # noqa: SLF001 (what the command line opens by itself)
    since, began = now_ms(), datetime.now(UTC)
    with topics_compress(stack, [topics.results, topics.shadows], codec):
        producer = Producer({"bootstrap.servers": stack.kafka, "compression.type": codec, "linger.ms": 100})
        ids = [f"{codec}-{since}-{number}" for number in range(FRAMES)]
        for number, request_id in enumerate(ids):
            value = f'[{{"tensor": [{number}, 0.5]}}]'
            headers: list[tuple[str, str | bytes | None]] = [("pipeline", pipeline.name()), ("request-id", request_id)]
            producer.produce(topics.frames, value, "camera", headers=headers)
        assert producer.flush(30) == 0
        wire.answers(ids)
        wire.challengers(ids, count=1)
        report = settled(client, since, pipeline)
        assert report.counts["frames"] == report.counts["shadows ok"] == FRAMES
        logs = pipeline.logs(start_datetime=began, end_datetime=datetime.now(UTC))
        assert [row[0] for row in logs["in.tensor"]] == list(range(FRAMES))
        assert [row[0] for row in logs["out.y"]] == [2.0 * number for number in range(FRAMES)]
