"""The settings of every consumer and producer of the services.

Every setting that matters is explicit: the clients' defaults lose records above 1 MiB, hold a dead
member's partitions for 45 s and wait 5 ms before each send.
"""

import logging
from typing import Any, Final

from confluent_kafka import KafkaError

from adapters.brokers import Brokers
from schemas.limits import PREFETCH_KIB_MAX, PRODUCER_QUEUE_KIB_MAX, SESSION_TIMEOUT_MS
from schemas.topics import RECORD_BYTES_MAX

log = logging.getLogger(__name__)

UNPACKED_BYTES_MAX: Final = 3 * RECORD_BYTES_MAX
"""Of one answer of a broker; and of a batch that zstd compressed, once it is unpacked."""


def consumer_config(kafka: Brokers, group: str) -> dict[str, Any]:
    """The settings of every consumer of the services."""
    return {
        **kafka.librdkafka(),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": SESSION_TIMEOUT_MS,
        "heartbeat.interval.ms": SESSION_TIMEOUT_MS // 4,
        "allow.auto.create.topics": False,
        "queued.max.messages.kbytes": PREFETCH_KIB_MAX,
        "queued.min.messages": 1000,
        # With the default of 1,000 ms a full prefetch queue stalls its reader for a second.
        "fetch.queue.backoff.ms": 5,
        "fetch.error.backoff.ms": 100,
        "max.partition.fetch.bytes": RECORD_BYTES_MAX,
        "fetch.max.bytes": 2 * RECORD_BYTES_MAX,
        "receive.message.max.bytes": UNPACKED_BYTES_MAX,
        "topic.metadata.refresh.interval.ms": 3_000,
        "reconnect.backoff.max.ms": 1_000,
        "error_cb": warn,
    }


def producer_config(kafka: Brokers, delivery_ms: int, idempotent: bool) -> dict[str, Any]:
    """The settings of every producer of the services."""
    return {
        **kafka.librdkafka(),
        "enable.idempotence": idempotent,
        "acks": "all",
        # A new leader that knows nothing of a producer takes any of its requests as the first: of several under way a
        # later one could come before an earlier one (KAFKA-15591).
        **({"max.in.flight.requests.per.connection": 1} if idempotent else {}),
        # librdkafka's default of 5 ms would be added to every hop.
        "linger.ms": 0,
        "partitioner": "murmur2_random",
        # By default a topic that does not exist is hoped for as long as a delivery may take.
        "topic.metadata.propagation.max.ms": 5_000,
        "message.max.bytes": RECORD_BYTES_MAX,
        "queue.buffering.max.kbytes": PRODUCER_QUEUE_KIB_MAX,
        "delivery.timeout.ms": delivery_ms,
        "reconnect.backoff.max.ms": 1_000,
        "error_cb": warn,
    }


def warn(error: KafkaError) -> None:
    """Say what went wrong, and go on: clients connect and ask again by themselves."""
    log.warning("kafka: %s", error.str())
