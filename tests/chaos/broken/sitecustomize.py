"""Python imports this by itself where its folder is on PYTHONPATH: services become builds that are wrong on purpose.

`BROKEN` says how. What the ledger is worth shows here: it must find each of them.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import adapters.kafka.inbox
from adapters.kafka.clients import consumer_config
from adapters.kafka.inbox import Inbox
from adapters.kafka.outbox import Outbox
from adapters.kafka.record import Record

WRONG = os.environ.get("BROKEN", "")
ROUTER = "router" in sys.orig_argv
MODEL_PROCESS = "inference" in sys.orig_argv
DIED_ONCE = Path("died-once")

_read, _send, _consumer_config = Inbox.read, Outbox.send, consumer_config


def commit_first(inbox: Inbox, records_max: int, wait_s: float) -> list[Record]:
    """Commit what was read before anything was done with it."""
    records = _read(inbox, records_max, wait_s)
    inbox.commit({record.place: record.offset + 1 for record in records})
    return records


def die_once(outbox: Outbox, topic: str, *rest: Any, **named: Any) -> None:
    """As if the power failed between reading and sending: once, at the first task."""
    if ".work." in topic and not DIED_ONCE.exists():
        DIED_ONCE.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    _send(outbox, topic, *rest, **named)


def drop_failed_challengers(
    outbox: Outbox, topic: str, key: Any, value: Any, headers: Any, on_delivery: Any = None
) -> None:
    """A challenger's error is not worth a record."""
    if topic.endswith(".shadows") and dict(headers).get("status") == b"error":
        on_delivery(None)
    else:
        _send(outbox, topic, key, value, headers, on_delivery)


def from_the_latest(*given: Any) -> dict[str, Any]:
    """A group without a committed offset begins at the end of its topics."""
    return _consumer_config(*given) | {"auto.offset.reset": "latest"}


if ROUTER and WRONG in {"right", "commits before delivery"}:
    Outbox.send = die_once  # type: ignore[assignment,method-assign]
if ROUTER and WRONG == "commits before delivery":
    Inbox.read = commit_first  # type: ignore[assignment,method-assign]
if ROUTER and WRONG == "starts new groups at the latest offset":
    adapters.kafka.inbox.consumer_config = from_the_latest  # type: ignore[assignment,attr-defined]
if MODEL_PROCESS and WRONG == "drops a shadow's error":
    Outbox.send = drop_failed_challengers  # type: ignore[assignment,method-assign]
