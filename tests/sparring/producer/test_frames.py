"""`client.frames` while Kafka stands still for a moment, and on a topic that does not take every frame."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.settings import Settings
from schemas.limits import FRAME_BYTES_MAX, MIB
from schemas.topics import Topic
from sparring import AsyncFrames, Client, Report
from sparring.object import FrameTooLarge, ProduceError
from sparring.producer.reports import LEAVE_S_MAX
from sparring.producer.sender import IN_FLIGHT_BYTES_MAX, IN_FLIGHT_FRAMES_MAX
from sparring.stack import LocalStack
from tests.freezing import frozen
from tests.sparring.sdk import beating, fresh_settings, upload
from tests.waiting import eventually

JPEG = b"\xff\xd8\xff" + bytes(1000)
STILL_S = 0.3
"""What stands still for so long, stands still."""


def bytes_of(size: int) -> bytes:
    return b"\xff\xd8\xff" + bytes(size)


@pytest.fixture(scope="module")
def broker(own_broker: LocalStack) -> LocalStack:
    """Tests of this file freeze it."""
    return own_broker


@pytest.fixture(scope="module")
def client(broker: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(fresh_settings(broker, "sdk-frames")) as connected, beating(connected):
        model = upload(connected, tmp_path_factory.mktemp("models"), "same")
        connected.build_pipeline("shelf").add_model_step(model).deploy(wait_for_status=False)
        with connected.frames("shelf") as frames:
            frames.send(JPEG)  # Kafka's client knows the topic now
        yield connected


def test_who_is_faster_than_kafka_waits_in_send_until_there_is_room(broker: LocalStack, client: Client) -> None:
    with client.frames("shelf") as frames:

        def camera() -> None:
            for _ in range(IN_FLIGHT_FRAMES_MAX + 50):
                frames.send(JPEG)

        sending = threading.Thread(target=camera)
        with frozen(broker.process("kafka")):
            sending.start()
            eventually(lambda: frames.counts.under_way == IN_FLIGHT_FRAMES_MAX, 60, "the bound to be reached")
            sending.join(STILL_S)
            assert frames.counts.sent == IN_FLIGHT_FRAMES_MAX
        sending.join(30)
    assert (frames.counts.confirmed, frames.counts.under_way) == (IN_FLIGHT_FRAMES_MAX + 50, 0)


def test_bytes_under_way_are_bounded_too(broker: LocalStack, client: Client) -> None:
    large = bytes_of(15 * MIB)
    with client.frames("shelf") as frames:
        sending = threading.Thread(target=lambda: [frames.send(large) for _ in range(3)])
        with frozen(broker.process("kafka")):
            sending.start()
            eventually(lambda: frames.counts.under_way == 2, 60, "the bound to be reached")
            sending.join(STILL_S)
            assert frames.counts.sent * len(large) <= IN_FLIGHT_BYTES_MAX
        sending.join(30)
    assert frames.counts.confirmed == 3


async def full(frames: AsyncFrames) -> None:
    """Returns when as many are under way as may be."""
    bound = IN_FLIGHT_FRAMES_MAX
    await asyncio.to_thread(eventually, lambda: frames.counts.under_way == bound, 60, "the bound to be reached")


def test_a_frame_that_is_too_large_is_refused_at_once_whoever_waits_for_room(
    broker: LocalStack, client: Client
) -> None:
    with client.frames("shelf") as frames:
        sending = threading.Thread(target=lambda: [frames.send(JPEG) for _ in range(IN_FLIGHT_FRAMES_MAX + 1)])
        with frozen(broker.process("kafka")):
            sending.start()
            eventually(lambda: frames.counts.under_way == IN_FLIGHT_FRAMES_MAX, 60, "the bound to be reached")
            with pytest.raises(FrameTooLarge, match=r"^frame: \d+ bytes; expected at most"):
                frames.send(bytes(FRAME_BYTES_MAX + 1))
            assert frames.counts.sent == IN_FLIGHT_FRAMES_MAX
        sending.join(60)
    assert frames.counts.confirmed == IN_FLIGHT_FRAMES_MAX + 1


def test_what_flush_gave_up_takes_its_room_until_kafkas_client_lets_go_of_it(
    broker: LocalStack, client: Client
) -> None:
    with client.frames("shelf") as frames:
        sending = threading.Thread(target=lambda: frames.send(JPEG))
        with frozen(broker.process("kafka")):
            for _ in range(IN_FLIGHT_FRAMES_MAX):
                frames.send(JPEG)
            with pytest.raises(ProduceError, match=f"not confirmed: {IN_FLIGHT_FRAMES_MAX} frames"):
                frames.flush(timeout_s=0)
            sending.start()
            sending.join(STILL_S)
            assert (frames.counts.sent, frames.counts.under_way) == (IN_FLIGHT_FRAMES_MAX, 0)
        sending.join(60)
    assert (frames.counts.failed, frames.counts.confirmed) == (IN_FLIGHT_FRAMES_MAX, 1)


LEFT_S = LEAVE_S_MAX + 15
"""Below what one that waits for room waits by itself."""


def test_an_exception_leaves_the_block_in_time_and_who_waits_for_room_hears_of_it(
    broker: LocalStack, client: Client
) -> None:
    refused: list[ValueError] = []
    frames = client.frames("shelf")

    def camera() -> None:
        try:
            for _ in range(IN_FLIGHT_FRAMES_MAX + 1):
                frames.send(JPEG)
        except ValueError as error:
            refused.append(error)

    def shop() -> None:
        with frames:
            sending.start()
            eventually(lambda: frames.counts.under_way == IN_FLIGHT_FRAMES_MAX, 60, "the bound to be reached")
            left_s.append(time.monotonic())
            raise KeyError("the user's own")

    sending = threading.Thread(target=camera)
    left_s: list[float] = []
    with frozen(broker.process("kafka")):
        with pytest.raises(KeyError, match="the user's own") as raised:
            shop()
        assert time.monotonic() - left_s[0] < LEFT_S
    sending.join(60)
    assert [str(error) for error in refused] == ["frames: the block was left; client.frames(...) opens another"]
    assert f"not confirmed: {IN_FLIGHT_FRAMES_MAX} frames" in raised.value.__notes__[0]


def test_in_an_event_loop_an_exception_leaves_the_block_in_time_whoever_waits_for_room(
    broker: LocalStack, client: Client
) -> None:
    tasks: list[asyncio.Task[Any]] = []
    left_s: list[float] = []

    async def shop() -> None:
        async with client.frames("shelf") as frames:
            tasks.extend(asyncio.create_task(frames.send(JPEG)) for _ in range(IN_FLIGHT_FRAMES_MAX + 50))
            await full(frames)
            left_s.append(time.monotonic())
            raise KeyError("the user's own")

    async def run() -> None:
        with pytest.raises(KeyError, match="the user's own"):
            await shop()
        assert time.monotonic() - left_s[0] < LEFT_S
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in ended if isinstance(one, BaseException)] == [ValueError] * 50

    with frozen(broker.process("kafka")):
        asyncio.run(run())


def test_in_an_event_loop_a_task_waits_in_send_and_the_loop_goes_on(broker: LocalStack, client: Client) -> None:
    async def cameras() -> None:
        async with client.frames("shelf") as frames:
            tasks = [asyncio.create_task(frames.send(JPEG)) for _ in range(IN_FLIGHT_FRAMES_MAX + 50)]
            with frozen(broker.process("kafka")):
                await full(frames)
                _, waiting = await asyncio.wait(tasks, timeout=STILL_S)
                # Waiting with a timeout returned: the loop goes round while the others wait.
                assert waiting
                assert frames.counts.under_way == IN_FLIGHT_FRAMES_MAX
            sent = await asyncio.gather(*tasks)
            places = await asyncio.gather(*(one.delivered() for one in sent))
            assert len(set(places)) == len(tasks)

    asyncio.run(cameras())


def test_what_kafka_does_not_confirm_in_time_is_an_error_and_the_next_frames_are_sent(
    broker: LocalStack, client: Client
) -> None:
    with client.frames("shelf") as frames:
        with frozen(broker.process("kafka")):
            sent = [frames.send(JPEG, request_id=f"late-{number}") for number in range(3)]
            with pytest.raises(
                ProduceError, match=r"not confirmed: 3 frames: request late-0: .* no delivery report"
            ) as e:
                frames.flush(timeout_s=STILL_S)
        assert set(e.value.failures) == {one.request_id for one in sent}
        assert {type(error) for error in e.value.failures.values()} == {ConnectionError}
        frames.send(JPEG)
    assert (frames.counts.sent, frames.counts.failed, frames.counts.confirmed) == (4, 3, 1)


def test_in_an_event_loop_delivered_tells_and_who_was_told_is_not_told_again(
    broker: LocalStack, client: Client
) -> None:
    async def camera() -> None:
        async with client.frames("shelf") as frames:
            with frozen(broker.process("kafka")):
                first, second = await frames.send(JPEG), await frames.send(JPEG, request_id="silent")
                telling = asyncio.create_task(first.delivered())
                with pytest.raises(ProduceError, match="request silent: "):
                    await frames.flush(timeout_s=STILL_S)
                with pytest.raises(ConnectionError, match="no delivery report"):
                    await telling
            assert second.request_id == "silent"
            await (await frames.send(JPEG, request_id=first.request_id)).delivered()

    asyncio.run(camera())


@pytest.fixture(scope="module")
def narrow(broker: LocalStack, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Its topic `frames` takes 10 kB."""
    settings = Settings(kafka=broker.kafka, redis=broker.redis, store=broker.store, namespace="narrow-frames")
    names = settings.topics
    client._connection.broker.create(  # noqa: SLF001 (topics as an operator may have made them)
        [
            Topic(names.frames, 4, record_bytes_max=10_000, retention_ms=-1),
            Topic(names.catalog, 1, record_bytes_max=MIB, retention_ms=-1),
            Topic(names.presence, 1, record_bytes_max=MIB, retention_ms=-1),
        ]
    )
    with Client(settings) as connected, beating(connected):
        model = upload(connected, tmp_path_factory.mktemp("models"), "same")
        connected.build_pipeline("shelf").add_model_step(model).deploy(wait_for_status=False)
        yield connected


def test_a_frame_that_the_topic_does_not_take_fails_alone(narrow: Client) -> None:
    reports: list[Report] = []
    with narrow.frames("shelf", on_report=reports.append) as frames:
        for size in (100, 20_000, 100, 100):
            frames.send(bytes_of(size))
            frames.flush()
    assert [type(report.error) for report in reports] == [type(None), FrameTooLarge, type(None), type(None)]
    assert "max.message.bytes" in str(reports[1].error)


def test_who_was_told_by_delivered_is_not_told_again_on_leaving(narrow: Client) -> None:
    async def shop() -> None:
        async with narrow.frames("shelf") as frames:
            told = await frames.send(bytes_of(20_000), request_id="told")
            await frames.send(bytes_of(20_000), request_id="untold")
            for _ in range(2):
                with pytest.raises(FrameTooLarge, match=r"max\.message\.bytes"):
                    await told.delivered()

    with pytest.raises(ProduceError, match="not confirmed: 1 frame: request untold: "):
        asyncio.run(shop())


def test_leaving_without_on_report_raises_what_was_not_confirmed(narrow: Client) -> None:
    frames = narrow.frames("shelf")
    with pytest.raises(ProduceError, match=r"not confirmed: 1 frame: request wide: .* max\.message\.bytes"), frames:
        frames.send(bytes_of(20_000), request_id="wide")
    assert (frames.counts.failed, frames.counts.under_way) == (1, 0)


def test_an_exception_inside_the_block_wins_and_notes_which_frames_are_not_confirmed(narrow: Client) -> None:
    def shop() -> None:
        with narrow.frames("shelf") as frames:
            frames.send(bytes_of(20_000), request_id="wide")
            raise KeyError("the user's own")

    async def async_shop() -> None:
        async with narrow.frames("shelf") as frames:
            await frames.send(bytes_of(20_000), request_id="wide")
            raise KeyError("the user's own")

    for run in (shop, lambda: asyncio.run(async_shop())):
        with pytest.raises(KeyError, match="the user's own") as raised:
            run()
        assert raised.value.__notes__[0].startswith("frames: not confirmed: 1 frame: request wide: ")
