"""The bare queue's router: poll frames, produce them to the work topic with one more header.

    python -m benchmarks.bare_router BOOTSTRAP FRAMES WORK

Nothing is confirmed, checked or chosen: what a person writes who wants to know how fast a queue can be.
"""

import sys
from typing import Any

from confluent_kafka import Consumer, Producer


def main(kafka: str, frames: str, work: str) -> None:
    """Route until killed."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": frames, "auto.offset.reset": "earliest"})
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0})
    consumer.subscribe([frames])
    while True:
        message = consumer.poll(0.1)
        producer.poll(0)
        if message is None or message.error() is not None:
            continue
        given: Any = message.headers()
        producer.produce(work, message.value(), message.key(), headers=[*given, ("model", b"the only one")])


if __name__ == "__main__":
    main(*sys.argv[1:])
