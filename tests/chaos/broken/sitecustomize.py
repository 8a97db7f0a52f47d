"""Python imports this by itself where its folder is on PYTHONPATH: services become builds that are wrong on purpose.

`BROKEN` says how. What the ledger is worth shows here: it must find each of them.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import adapters.kafka.group_consumer
from adapters.kafka.clients import consumer_config
from adapters.kafka.confirming_producer import ConfirmingProducer
from adapters.kafka.group_consumer import GroupConsumer
from adapters.kafka.record import Record

WRONG = os.environ.get("BROKEN", "")
ROUTER = "router" in sys.orig_argv
MODEL_PROCESS = "inference" in sys.orig_argv
DIED_ONCE = Path("died-once")

_read, _send, _consumer_config = GroupConsumer.read, ConfirmingProducer.send, consumer_config


def commit_first(consumer: GroupConsumer, records_max: int, wait_s: float) -> list[Record]:
    """Commit what was read before anything was done with it."""
    records = _read(consumer, records_max, wait_s)
    consumer.commit({record.place: record.offset + 1 for record in records})
    return records


def die_once(producer: ConfirmingProducer, topic: str, *rest: Any, **named: Any) -> None:
    """As if the power failed between reading and sending: once, at the first task."""
    if ".work." in topic and not DIED_ONCE.exists():
        DIED_ONCE.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    _send(producer, topic, *rest, **named)


def drop_failed_challengers(
    producer: ConfirmingProducer, topic: str, key: Any, value: Any, headers: Any, on_delivery: Any = None
) -> None:
    """A challenger's error is not worth a record."""
    if topic.endswith(".shadows") and dict(headers).get("status") == b"error":
        on_delivery(None)
    else:
        _send(producer, topic, key, value, headers, on_delivery)


def from_the_latest(*given: Any) -> dict[str, Any]:
    """A group without a committed offset begins at the end of its topics."""
    return _consumer_config(*given) | {"auto.offset.reset": "latest"}


if ROUTER and WRONG in {"right", "commits before delivery"}:
    ConfirmingProducer.send = die_once  # type: ignore[assignment,method-assign]
if ROUTER and WRONG == "commits before delivery":
    GroupConsumer.read = commit_first  # type: ignore[assignment,method-assign]
if ROUTER and WRONG == "starts new groups at the latest offset":
    adapters.kafka.group_consumer.consumer_config = from_the_latest  # type: ignore[assignment,attr-defined]
if MODEL_PROCESS and WRONG == "drops a shadow's error":
    ConfirmingProducer.send = drop_failed_challengers  # type: ignore[assignment,method-assign]
