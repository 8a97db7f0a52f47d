"""Frames from Python: each has its report and its answer, whoever sends them, and whatever ends the block."""

import asyncio
import signal
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from adapters.clock import now_ms
from schemas.limits import FRAME_BYTES_MAX
from schemas.results import Answer
from schemas.tables.read import encode_table, read_arrow
from sparring import Client, ModelVersion, Pipeline, Report
from sparring.object import EntityNotFoundError, FrameTooLarge
from sparring.producer.sender import IN_FLIGHT_FRAMES_MAX
from tests.journeys.wire import Wire
from tests.waiting import eventually

Scale = Callable[[str, float], ModelVersion]


@pytest.fixture(scope="module")
def doubled(client: Client, scale: Scale) -> Iterator[Pipeline]:
    pipeline = client.build_pipeline("frames").add_model_step(scale("doubled", 2.0)).deploy()
    yield pipeline
    pipeline.undeploy()


def row(number: float) -> pa.Table:
    return pa.table({"tensor": pa.array([[number, 1.0]], pa.list_(pa.float32()))})


def y_of(value: bytes) -> float:
    y: list[list[float]] = read_arrow(value).to_pydict()["y"]
    return y[0][0]


def official_of(client: Client, request_id: str, pipeline: Pipeline) -> Answer | None:
    """The official answer in Redis, as the SDK reads it."""
    answers = client._connection.answers  # noqa: SLF001 (there is no call for users)
    return answers.read(request_id, f"default/{pipeline.name()}").official


def test_every_one_of_500_frames_has_its_report_and_its_answer(client: Client, doubled: Pipeline, wire: Wire) -> None:
    reports: list[Report] = []
    most = 0
    with client.frames(doubled, headers={"shop": "12"}, on_report=reports.append) as frames:
        sent = []
        for number in range(500):
            sent.append(frames.send(encode_table(row(number))))
            most = max(most, frames.counts.under_way)
    assert most <= IN_FLIGHT_FRAMES_MAX
    assert (frames.counts.sent, frames.counts.confirmed, frames.counts.under_way) == (500, 500, 0)
    assert sorted(report.request_id for report in reports) == sorted(one.request_id for one in sent)
    places = {report.request_id: report.place for report in reports}
    answers = wire.answers(one.request_id for one in sent)
    for number, one in enumerate(sent):
        answer = answers[one.request_id]
        assert (answer.status, answer.frame) == ("ok", str(places[one.request_id]))
        assert y_of(answer.value) == 2.0 * number
    for number in (0, 250, 499):
        official = eventually(partial(official_of, client, sent[number].request_id, doubled), 60, "its answer in Redis")
        assert y_of(official.value) == 2.0 * number


def test_the_request_id_key_headers_and_deadline_that_were_given_arrive(
    client: Client, doubled: Pipeline, wire: Wire
) -> None:
    before_ms = now_ms()
    with client.frames(doubled.name(), key="camera-7", headers={"shop": "12", "aisle": "3"}) as frames:
        sent = frames.send(row(1), request_id="own-1")
        frames.send(row(2), key=b"camera-8", headers={"aisle": "4"}, request_id="own-2", deadline_ms=60_000)
        frames.send(row(3), request_id="own-3", deadline_ms=1)
        frames.flush()
    assert (sent.request_id, sent.name) == ("own-1", "")
    answers = wire.answers(["own-1", "own-2", "own-3"])
    assert [answers[f"own-{number}"].key for number in (1, 2, 3)] == [b"camera-7", b"camera-8", b"camera-7"]
    records = frames_on_the_topic(client, [answers[f"own-{number}"].frame for number in (1, 2)])
    assert [(headers["shop"], headers["aisle"]) for headers in records] == [("12", "3"), ("12", "4")]
    assert "deadline" not in records[0]
    assert before_ms + 60_000 <= int(records[1]["deadline"]) <= now_ms() + 60_000


def frames_on_the_topic(client: Client, places: list[str]) -> list[dict[str, str]]:
    """The headers of the records there."""
    found = []
    for place in places:
        topic, partition, offset = place.rsplit("/", 2)
        consumer = client._connection.broker.consumer([(topic, int(partition))])  # noqa: SLF001 (as it lies there)
        (assigned,) = consumer.assignment()
        consumer.seek(assigned, int(offset))
        (records,) = consumer.poll(timeout_ms=10_000, max_records=1).values()
        found.append({name: value.decode() for name, value in records[0].headers})
        consumer.close()
    return found


def test_whatever_infer_takes_is_answered(client: Client, doubled: Pipeline, wire: Wire, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"tensor": [4, 1]}]')
    (tmp_path / "a.arrow").write_bytes(encode_table(row(5)))
    givens = (
        encode_table(row(0)),
        b'[{"tensor": [1, 1]}]',
        pd.DataFrame({"tensor": [np.array([2.0, 1.0])]}),
        row(3),
        tmp_path / "a.json",
        str(tmp_path / "a.arrow"),
    )
    with client.frames(f"default/{doubled.name()}") as frames:
        sent = [frames.send(given) for given in givens]
    assert [one.name for one in sent[4:]] == [str(tmp_path / "a.json"), str(tmp_path / "a.arrow")]
    answers = wire.answers(one.request_id for one in sent)
    assert [y_of(answers[one.request_id].value) for one in sent] == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_a_frame_that_is_too_large_is_refused_at_once_and_the_others_go_on(client: Client, doubled: Pipeline) -> None:
    too_large = bytes(FRAME_BYTES_MAX + 1)
    with client.frames(doubled) as frames:
        frames.send(row(1))
        with pytest.raises(FrameTooLarge, match=r"^frame: \d+ bytes; expected at most"):
            frames.send(too_large)
        frames.send(row(2))
    assert (frames.counts.sent, frames.counts.confirmed) == (2, 2)


def test_a_pipeline_that_is_unknown_or_not_deployed_is_an_error_before_and_while_frames_are_sent(
    client: Client, pipeline: Pipeline, scale: Scale
) -> None:
    with pytest.raises(EntityNotFoundError, match=r"^pipeline: default/nobody does not exist; there are: .*default/"):
        client.frames("nobody")
    with pytest.raises(RuntimeError, match="is not deployed"):
        client.frames(pipeline)
    pipeline.add_model_step(scale("doubled", 2.0)).deploy()
    with client.frames(pipeline) as frames:
        frames.send(row(1))
        pipeline.undeploy()
        with pytest.raises(RuntimeError, match=f"pipeline default/{pipeline.name()} is not deployed: deploy"):
            frames.send(encode_table(row(2)))
    assert frames.counts.confirmed == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises here, also where the whole suite was started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("what", ["an exception", "Ctrl-C"])
def test_what_is_raised_inside_the_block_comes_out_of_it_when_each_frame_has_its_report(
    client: Client, doubled: Pipeline, what: str
) -> None:
    reports: list[Report] = []
    frames = client.frames(doubled, on_report=reports.append)
    started_s = time.monotonic()
    sent: list[str] = []

    def shop() -> None:
        with frames:
            sent.extend(frames.send(row(number)).request_id for number in range(100))
            if what == "Ctrl-C":
                signal.raise_signal(signal.SIGINT)
            raise KeyError(what)

    with pytest.raises((KeyError, KeyboardInterrupt)) as raised:
        shop()
    assert raised.type is (KeyboardInterrupt if what == "Ctrl-C" else KeyError)
    assert time.monotonic() - started_s < 10
    assert sorted(report.request_id for report in reports if report.confirmed) == sorted(sent)
    with pytest.raises(ValueError, match="the block was left"):
        frames.send(row(1))


def test_threads_share_one_block_and_each_key_keeps_its_order(client: Client, doubled: Pipeline) -> None:
    places: dict[str, list[tuple[int, int, int]]] = defaultdict(list)

    def note(report: Report) -> None:
        assert report.place is not None
        camera, number = report.request_id.rsplit(".", 1)
        places[camera].append((int(number), report.place.partition, report.place.offset))

    with client.frames(doubled, on_report=note) as frames:

        def camera(name: str) -> None:
            for number in range(50):
                frames.send(row(number), key=name, request_id=f"thread.{name}.{number}")

        threads = [threading.Thread(target=camera, args=(f"camera-{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert frames.counts.confirmed == 200
    check_order(places, cameras=4, frames=50)


def check_order(places: dict[str, list[tuple[int, int, int]]], cameras: int, frames: int) -> None:
    """number, partition, offset of each camera's frames: one partition, and offsets that rise with the numbers."""
    assert len(places) == cameras
    for its in places.values():
        by_number = sorted(its)
        assert [number for number, _, _ in by_number] == list(range(frames))
        assert len({partition for _, partition, _ in by_number}) == 1
        offsets = [offset for _, _, offset in by_number]
        assert offsets == sorted(offsets)


def test_on_report_cannot_send_itself_and_what_it_raises_comes_out(client: Client, doubled: Pipeline) -> None:
    def again(_: Report) -> None:
        frames.send(row(2))

    frames = client.frames(doubled, on_report=again)
    with pytest.raises(RuntimeError, match="on_report cannot send or wait itself"), frames:
        frames.send(row(1))
    assert (frames.counts.sent, frames.counts.confirmed) == (1, 1)


def test_tasks_share_one_block_and_each_key_keeps_its_order(client: Client, doubled: Pipeline, wire: Wire) -> None:
    places: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    reports: list[Report] = []
    loop_thread = threading.get_ident()

    async def pictures() -> AsyncIterator[int]:
        for number in range(50):
            yield number
            await asyncio.sleep(0)

    async def run() -> list[str]:
        def note(report: Report) -> None:
            assert threading.get_ident() == loop_thread
            reports.append(report)

        async with client.frames(doubled, on_report=note) as frames:

            async def camera(name: str) -> list[str]:
                sent = [await frames.send(row(number), key=name) async for number in pictures()]
                for number, one in enumerate(sent):
                    place = await one.delivered()
                    places[name].append((number, place.partition, place.offset))
                return [one.request_id for one in sent]

            ids = await asyncio.gather(*(camera(f"camera-{number}") for number in range(8)))
            await frames.flush()
            assert (frames.counts.confirmed, frames.counts.under_way) == (400, 0)
        with pytest.raises(ValueError, match="the block was left"):
            await frames.send(row(1))
        return [request_id for its in ids for request_id in its]

    ids = asyncio.run(run())
    assert sorted(report.request_id for report in reports) == sorted(ids)
    check_order(places, cameras=8, frames=50)
    assert set(wire.answers(ids)) == set(ids)


def test_tasks_that_send_at_once_send_in_the_order_in_which_they_began(client: Client, doubled: Pipeline) -> None:
    async def run() -> list[int]:
        async with client.frames(doubled, key="camera-7") as frames:
            sent = await asyncio.gather(*(frames.send(row(number)) for number in range(200)))
            return [(await one.delivered()).offset for one in sent]

    offsets = asyncio.run(run())
    assert offsets == sorted(offsets)


def test_in_an_event_loop_one_task_that_is_cancelled_leaves_the_others_their_frames(
    client: Client, doubled: Pipeline
) -> None:
    async def run() -> None:
        async with client.frames(doubled) as frames:
            tasks = [asyncio.create_task(frames.send(row(number))) for number in range(60)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in ended[::2])
            assert not any(isinstance(one, BaseException) for one in ended[1::2])
        assert 30 <= frames.counts.confirmed <= 60
        assert frames.counts.under_way == frames.counts.failed == 0

    asyncio.run(run())


def test_in_an_event_loop_what_is_raised_inside_the_block_comes_out_of_it(client: Client, doubled: Pipeline) -> None:
    reports: list[Report] = []

    async def run() -> None:
        async with client.frames(doubled, on_report=reports.append) as frames:
            for number in range(100):
                await frames.send(row(number))
            with pytest.raises(FrameTooLarge):
                await frames.send(bytes(FRAME_BYTES_MAX + 1))
            raise KeyError("the user's own")

    with pytest.raises(KeyError, match="the user's own"):
        asyncio.run(run())
    assert len({report.place for report in reports}) == 100
