"""A record as it was read. On the broker that librdkafka brings for tests."""

import ctypes
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from adapters.brokers import Brokers
from adapters.kafka.clients import consumer_config
from adapters.kafka.record import Record, record_of
from schemas.errors import Refused
from tests.waiting import eventually

_MANY = 50
"""So often a call is made before CPython takes short cuts there."""

_TOPIC, _VALUE, _HEADERS, _END = 1, 4, 10, 0
"""How `rd_kafka_producev` calls its arguments."""


def _library() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka has loaded. Its own functions take names of headers as text only."""
    (path,) = Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*")
    return ctypes.CDLL(str(path))


def _send_raw(servers: str, topic: str, value: bytes, names: list[bytes]) -> None:
    rdkafka, pointer, why = _library(), ctypes.c_void_p, ctypes.create_string_buffer(512)
    for function in (rdkafka.rd_kafka_conf_new, rdkafka.rd_kafka_new, rdkafka.rd_kafka_headers_new):
        function.restype = pointer
    settings, headers = pointer(rdkafka.rd_kafka_conf_new()), pointer(rdkafka.rd_kafka_headers_new(len(names)))
    rdkafka.rd_kafka_conf_set(settings, b"bootstrap.servers", servers.encode(), why, 512)
    producer = pointer(rdkafka.rd_kafka_new(0, settings, why, 512))
    for name in names:
        rdkafka.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), b"v", ctypes.c_ssize_t(1))
    arguments = (*(_TOPIC, ctypes.c_char_p(topic.encode())), *(_VALUE, value, ctypes.c_size_t(len(value))))
    assert rdkafka.rd_kafka_producev(producer, *arguments, *(_HEADERS, headers), _END) == 0
    assert rdkafka.rd_kafka_flush(producer, 60_000) == 0
    rdkafka.rd_kafka_destroy(producer)


@pytest.mark.parametrize(
    "names", [[b"x\xff\xfe"], [b"pipeline", b"\x80"], [b"\xff", b"\xfe", b"good"], [b"\xff" * 1000], [b"\xff"] * 10_000]
)
def test_a_record_with_a_headers_name_that_is_no_text_is_read_without_headers_and_refused(names: list[bytes]) -> None:
    plain = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1})
    (broker,) = plain.list_topics(timeout=60).brokers.values()
    servers = f"{broker.host}:{broker.port}"
    plain.list_topics("frames", timeout=60)
    for _ in range(_MANY):
        plain.produce("frames", b"good", headers=[("ä", b"1")])
    assert plain.flush(60) == 0
    _send_raw(servers, "frames", b"value", names)
    *others, bad = _read(servers, _MANY + 1)
    assert (bad.value, bad.headers) == (b"value", [])
    with pytest.raises(Refused, match="not UTF-8") as refused:
        bad.check_headers()
    assert refused.value.error == "BadHeader"
    for good in others:
        good.check_headers()
        assert (good.value, good.headers) == (b"good", [("ä", b"1")])


@pytest.mark.parametrize("name", [b"camera\0", b"camera\0\xff", b"camera\0x\0\xc3"])
def test_a_headers_name_ends_at_its_first_zero_byte(name: bytes) -> None:
    plain = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1})
    (broker,) = plain.list_topics(timeout=60).brokers.values()
    servers = f"{broker.host}:{broker.port}"
    plain.list_topics("frames", timeout=60)
    _send_raw(servers, "frames", b"value", [name])
    (record,) = _read(servers, 1)
    record.check_headers()
    assert record.headers == [("camera", b"v")]


def _read(servers: str, count: int) -> list[Record]:
    """So many records; what is good first."""
    consumer = Consumer(consumer_config(Brokers(servers), "group"))
    consumer.assign([TopicPartition("frames", partition, 0) for partition in range(4)])
    records: list[Record] = []

    def came() -> bool:
        message = consumer.poll(0.5)
        if message is not None and (record := record_of(message)) is not None:
            records.append(record)
        return len(records) == count

    try:
        eventually(came, 60, f"{count} records")
    finally:
        consumer.close()
    return sorted(records, key=lambda record: record.value != b"good")
