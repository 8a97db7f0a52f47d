"""What retention took of a source is said in its place, and nothing else is. On a real broker."""

import contextlib
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from confluent_kafka import Producer
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from schemas.limits import KIB
from sparring.cli.exits import FAILED
from sparring.replay.frame import ExpiredFrames, Reading, ReplayFrame
from sparring.replay.journal import Journal
from sparring.replay.pending_frames import read_frames
from sparring.replay.source import FrameSource, ReplayRange, SelectedFrames, TopicRange
from sparring.stack import LocalStack
from sparring.system.connection import Connection
from tests.journeys.typed import Said, typed
from tests.sparring.replay.made import plan
from tests.sparring.sdk import fresh_settings

STEP = 1 << 20
"""From one offset's number to the next one's."""

_numbers = count(1)


@pytest.fixture
def connection(broker: LocalStack) -> Iterator[Connection]:
    with contextlib.closing(Connection(fresh_settings(broker, f"gone-{next(_numbers)}"))) as made:
        yield made


def produce(connection: Connection, counts: dict[int, int], value: bytes = b"frame", transactions: int = 0) -> None:
    """So many frames into these partitions; in so many transactions, each of which ends with a record of Kafka's."""
    settings = {"bootstrap.servers": connection.settings.kafka, "linger.ms": 0, "message.max.bytes": 1 << 20}
    producer = Producer(settings | ({"transactional.id": "gone"} if transactions else {}))
    if transactions:
        producer.init_transactions(60)
    for _ in range(transactions or 1):
        if transactions:
            producer.begin_transaction()
        for partition, number in counts.items():
            for _ in range(number):
                producer.produce(connection.topics.frames, value, partition=partition)
        if transactions:
            producer.commit_transaction(60)
    assert producer.flush(60) == 0


def remove(connection: Connection, ends: dict[int, int]) -> None:
    """What retention does: of these partitions all before these offsets."""
    admin = KafkaAdminClient(bootstrap_servers=connection.settings.kafka)
    try:
        admin.delete_records({TopicPartition(connection.topics.frames, one): end for one, end in ends.items()})
    finally:
        admin.close()


def told(readings: Iterator[Reading]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Partition and offset of the frames, and of what is gone, each in the order in which it came."""
    frames, gone = [], []
    for one in readings:
        if isinstance(one, ReplayFrame):
            frames.append((one.number % STEP, one.number // STEP))
        elif isinstance(one, ExpiredFrames):
            gone += [(number % STEP, number // STEP) for number in one.numbers]
    return frames, gone


def test_of_a_range_what_went_before_it_was_read_is_gone_also_where_nothing_is_left(connection: Connection) -> None:
    produce(connection, {0: 6, 1: 4, 2: 3})
    source = TopicRange(connection.topics.frames, (ReplayRange(0, 1, 6), ReplayRange(1, 0, 4), ReplayRange(2, 0, 2)))
    assert told(read_frames(connection, source))[1] == []
    remove(connection, {0: 4, 1: 4, 2: 3})
    frames, gone = told(read_frames(connection, source))
    assert frames == [(0, 4), (0, 5)]
    assert sorted(gone) == [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1)]


def test_what_goes_while_it_is_read_is_gone_before_any_frame_behind_it_comes(connection: Connection) -> None:
    produce(connection, {0: 60}, bytes(100 * KIB))
    readings = read_frames(connection, TopicRange(connection.topics.frames, (ReplayRange(0, 0, 60),)))
    first = next(readings)
    assert isinstance(first, ReplayFrame)
    remove(connection, {0: 55})
    came: list[int] = []
    for one in readings:
        assert isinstance(one, ReplayFrame | ExpiredFrames)
        came.extend(one.numbers if isinstance(one, ExpiredFrames) else [one.number])
    assert [first.number, *came] == [offset * STEP for offset in range(60)]


def test_what_went_is_no_frame_and_offsets_that_a_transaction_took_are_not_gone(connection: Connection) -> None:
    produce(connection, {0: 2}, transactions=3)
    for begin, frames in ((0, [0, 1, 3, 4, 6, 7]), (2, [3, 4, 6, 7]), (8, [])):
        source = TopicRange(connection.topics.frames, (ReplayRange(0, begin, 9),))
        assert told(read_frames(connection, source)) == ([(0, offset) for offset in frames], [])


def test_of_chosen_frames_those_that_went_are_gone_in_their_turn(connection: Connection) -> None:
    produce(connection, {0: 5, 1: 5})
    remove(connection, {0: 3})
    source: FrameSource = SelectedFrames(connection.topics.frames, {0: (1, 4), 1: (0, 2)}, (1, 0, 0, 1))
    readings = list(read_frames(connection, source))
    assert [isinstance(one, ExpiredFrames) for one in readings] == [False, True, False, False]
    assert told(iter(readings)) == ([(1, 0), (0, 4), (1, 2)], [(0, 1)])


def test_a_replay_all_of_whose_frames_went_starts_nothing_and_says_how_many_are_missing_now_and_later(
    connection: Connection, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kafka", "redis", "store", "namespace"):
        monkeypatch.setenv(f"SPARRING_{name.upper()}", getattr(connection.settings, name))
    produce(connection, {0: 5})
    remove(connection, {0: 5})
    Journal.begin(
        tmp_path, plan(source=SelectedFrames(connection.topics.frames, {0: (1, 3, 4)}, (0, 0, 0)), frames=3)
    ).close()
    code, said, err = typed(capsys, "replay", "--resume", str(tmp_path), "--json")
    facts = json.loads(said)
    assert (code, facts["finished"], facts["sent"], facts["missing"]) == (FAILED, True, 0, 3)
    assert "starting" not in err
    code, said, err = typed(capsys, "replay", "--resume", str(tmp_path))
    assert (code, "there is nothing left to do" in err) == (FAILED, True)
    assert "3 frames are missing: their topic no longer had them\n" in said
