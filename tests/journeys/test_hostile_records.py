"""Records that only somebody of ill will writes, at Kafka's own level: each is answered once, and no process ends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from confluent_kafka import Message, Producer

from adapters.clock import now_ms
from schemas.frames import RawHeaders
from schemas.limits import FRAME_BYTES_MAX, MIB
from schemas.results import FRAME_BYTES, Answer
from sparring import Client, ModelVersion, Pipeline
from sparring.kafka.records import RecordStream
from sparring.ledger.read import verify
from sparring.object import FrameTooLarge
from sparring.operations.deadletters import read_dead_letters, resend
from sparring.stack import LocalStack
from tests.journeys.accounts import settled
from tests.journeys.wire import Wire
from tests.raw_names import sent_with_raw_names
from tests.waiting import eventually

ROW = b'[{"tensor": [1, 2]}]'
WAIT_S_MAX = 120.0


@dataclass(frozen=True)
class Deployed:
    """A pipeline, and when it went live."""

    pipeline: Pipeline
    since: int


@pytest.fixture
def deployed(pipeline: Pipeline, scale: Callable[[str, float], ModelVersion]) -> Deployed:
    since = now_ms()
    return Deployed(pipeline.add_model_step(scale("unmoved", 2.0)).deploy(), since)


@pytest.fixture(autouse=True)
def the_router_lives(stack: LocalStack) -> Iterator[None]:
    """Whatever comes: it is the same process at the end."""
    before = stack.process("router")
    yield
    assert stack.process("router") == before


def packed(stack: LocalStack, codec: str, value: bytes, key: bytes | None, headers: RawHeaders) -> str:
    """Send one record, alone in its batch, from a client without limits; returns its place."""
    places: list[Message] = []
    producer = Producer(
        {"bootstrap.servers": stack.kafka, "compression.type": codec, "message.max.bytes": 200 * MIB, "linger.ms": 0}
    )
    producer.produce(
        f"{stack.namespace}.frames",
        value,
        key,
        headers=list(headers),
        on_delivery=lambda error, message: places.append(message) if error is None else None,
    )
    assert producer.flush(60) == 0
    (message,) = places
    return f"{message.topic()}/{message.partition()}/{message.offset()}"


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize(
    ("value", "key", "header"),
    [
        (bytes(20 * MIB), b"door", b""),
        (ROW + b" " * (FRAME_BYTES_MAX - len(ROW)), b"door", bytes(MIB // 2)),
        (ROW, bytes(20 * MIB), b""),
    ],
    ids=["value", "headers", "key"],
)
def test_a_record_that_was_small_enough_only_compressed_is_refused_and_the_next_one_answered(
    client: Client,
    stack: LocalStack,
    wire: Wire,
    deployed: Deployed,
    codec: str,
    value: bytes,
    key: bytes,
    header: bytes,
) -> None:
    name, request = deployed.pipeline.name(), f"packed-{codec}-{now_ms()}"
    headers: RawHeaders = [("pipeline", name.encode()), ("request-id", request.encode()), ("more", header)]
    place = packed(stack, codec, value, key, headers)
    after = wire.send(name, ROW, key=key[:10])
    answer = wire.answer(request, WAIT_S_MAX)
    assert (answer.failure().error, answer.frame) == ("FrameTooLarge", place)
    letter, its_bytes = wire.deadletter(request)
    assert (its_bytes, letter[FRAME_BYTES], letter["frame"]) == (b"", str(len(value)), place)
    assert wire.answer(after, WAIT_S_MAX).status == "ok"
    assert len(wire.results[request]) == 1
    assert settled(client, deployed.since, deployed.pipeline).counts["frames"] == 2


def test_a_dead_letter_without_its_frame_is_not_sent_again(
    client: Client, stack: LocalStack, wire: Wire, deployed: Deployed
) -> None:
    name, request = deployed.pipeline.name(), f"lost-{now_ms()}"
    packed(stack, "zstd", bytes(20 * MIB), None, [("pipeline", name.encode()), ("request-id", request.encode())])
    wire.deadletter(request, WAIT_S_MAX)
    connection = client._connection  # noqa: SLF001 (what the command line opens by itself)
    (letter,) = (one for one in read_dead_letters(connection, deployed.since) if one.request_id == request)
    with pytest.raises(FrameTooLarge, match=f"had {20 * MIB} bytes, and its dead letter does not hold them"):
        resend(connection, letter)


def test_a_header_whose_name_is_no_text_is_refused_and_all_readers_come_past_it(
    client: Client, stack: LocalStack, wire: Wire, deployed: Deployed
) -> None:
    name, topic = deployed.pipeline.name(), f"{stack.namespace}.frames"
    headers: RawHeaders = [("pipeline", name.encode()), ("x\udcff\udcfe", b"1")]
    place = sent_with_raw_names(stack.kafka, topic, ROW, b"door", headers)
    after = wire.send(name, ROW, key=b"door")
    assert wire.answer(after, WAIT_S_MAX).status == "ok"
    answer = _answer_of(wire, place)
    assert (answer.failure().error, answer.key) == ("BadHeader", b"door")
    letter, its_bytes = wire.deadletter_of(place)
    assert (its_bytes, letter.get("request-id")) == (ROW, None), "no header of the frame is there"
    connection = client._connection  # noqa: SLF001 (as above)
    with RecordStream(connection.broker, topic, deployed.since) as records:
        read = {f"{one.topic}/{one.partition}/{one.offset}": one for one in records}
    assert (read[place].key, read[place].value, read[place].headers) == (b"door", ROW, [])
    assert settled(client, deployed.since, deployed.pipeline).in_order
    of_all = verify(connection, deployed.since, now_ms(), index=False)
    assert [one for one in of_all.findings if one.origin == place] == [], "it names no pipeline"


def test_all_readers_agree_that_a_headers_name_ends_at_its_first_zero_byte(
    client: Client, stack: LocalStack, wire: Wire, deployed: Deployed
) -> None:
    name, topic, request = deployed.pipeline.name(), f"{stack.namespace}.frames", f"zero-{now_ms()}"
    headers: RawHeaders = [("pipeline\0\udcff", name.encode()), ("request-id\0id", request.encode())]
    place = sent_with_raw_names(stack.kafka, topic, ROW, b"door", headers)
    answer = wire.answer(request, WAIT_S_MAX)
    assert (answer.status, answer.frame) == ("ok", place)
    assert settled(client, deployed.since, deployed.pipeline).counts["frames"] == 1


def test_a_batch_that_no_client_unpacks_is_passed_over_and_the_next_frame_answered(
    stack: LocalStack, wire: Wire, deployed: Deployed
) -> None:
    name = deployed.pipeline.name()
    before = wire.send(name, ROW, key=b"door")
    wire.answer(before, WAIT_S_MAX)
    packed(stack, "zstd", bytes(100 * MIB), b"door", [("pipeline", name.encode())])
    after = wire.send(name, ROW, key=b"door")
    assert wire.answer(after, WAIT_S_MAX).status == "ok"


def _answer_of(wire: Wire, place: str) -> Answer:
    """The official answer of the frame at a place: it has no request id of its own."""
    found: list[Answer] = []

    def came() -> bool:
        found[:] = [answer for answers in list(wire.results.values()) for answer in answers if answer.frame == place]
        return bool(found)

    eventually(came, WAIT_S_MAX, f"the answer of {place}")
    return found[0]
