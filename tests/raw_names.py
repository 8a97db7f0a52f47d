"""Frames with headers whose names are any bytes. No client sends such; whoever speaks Kafka's protocol can."""

from typing import Any

from kafka import KafkaProducer

from schemas.frames import RawHeaders


class RawName(str):
    """A name whose surrogates stand for single bytes. kafka-python asks it for UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> bytes:
        return super().encode(encoding, errors)


def sent_with_raw_names(kafka: str, topic: str, value: bytes, key: bytes | None, headers: RawHeaders) -> str:
    """Send one record; returns its place, `topic/partition/offset`."""
    producer: Any = KafkaProducer(bootstrap_servers=kafka)
    try:
        raw = [(RawName(name), text) for name, text in headers]
        sent = producer.send(topic, value=value, key=key, headers=raw).get(timeout=60)
    finally:
        producer.close()
    return f"{sent.topic}/{sent.partition}/{sent.offset}"
