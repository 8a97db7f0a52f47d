"""What the ledger says of a time whose first frames retention took. On a real broker."""

import contextlib

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from adapters.clock import now_ms
from schemas.limits import PARTITIONS
from sparring.ledger.read import CUT, verify
from sparring.stack import LocalStack
from sparring.system.connection import Connection
from tests.sparring.sdk import fresh_settings

HOUR_MS = 3_600_000


@pytest.mark.parametrize(("kept_h", "cut"), [(1, PARTITIONS), (24, 0)])
def test_a_time_that_the_topic_does_not_keep_is_said_to_be_cut_by_the_topics_own_setting(
    broker: LocalStack, kept_h: int, cut: int
) -> None:
    with contextlib.closing(Connection(fresh_settings(broker, f"ledger-cut-{kept_h}"))) as connection:
        topic, admin = connection.topics.frames, AdminClient({"bootstrap.servers": broker.kafka})
        kept = ConfigEntry("retention.ms", str(kept_h * HOUR_MS), incremental_operation=AlterConfigOpType.SET)
        changed = admin.incremental_alter_configs(
            [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[kept])]
        )
        for done in changed.values():
            done.result(60)
        producer = Producer({"bootstrap.servers": broker.kafka})
        for partition in range(PARTITIONS):
            producer.produce(topic, b"[]", partition=partition)
        assert producer.flush(60) == 0
        removed = admin.delete_records([TopicPartition(topic, partition, 1) for partition in range(PARTITIONS)])
        for gone in removed.values():
            gone.result(60)
        assert verify(connection, now_ms() - 2 * HOUR_MS, now_ms(), index=False).counts[CUT] == cut
