"""`client.results` on a real broker: what is recorded, what comes, in groups, joined, in order, once, as tables."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any

import numpy as np
import pytest

from schemas.errors import EntityNotFoundError
from schemas.limits import PARTITIONS
from schemas.tables.read import encode_rows
from sparring import Client, JoinedResult, Result, ResultStream
from sparring.dataset.outputs import COLUMNS
from tests.sparring.results.test_answers import NOW, Writer, answer_of, writer
from tests.waiting import eventually

__all__ = ["writer"]  # a fixture

AT = datetime.fromtimestamp(NOW / 1000, UTC)


@pytest.fixture
def client(writer: Writer) -> Iterator[Client]:
    with Client(writer.settings) as connected:
        yield connected


def answer(writer: Writer, request_id: str, at: int = 0, partition: int = 0, **more: Any) -> None:
    """Written and published `at` milliseconds after NOW."""
    writer.write(request_id, NOW + at, partition, published_at=NOW + at, **more)


def challenge(writer: Writer, request_id: str, at: int = 0, partition: int = 0, **more: Any) -> None:
    fields = {"model": "rival", "role": "challenger", **more}
    made = answer_of(request_id, published_at=NOW + at, **fields)
    writer.raw(writer.topics.shadows, made.value, made.headers(), NOW + at, partition)


def ids(results: "ResultStream[Result]", most: int | None = None) -> list[str]:
    return [one.request_id for one in islice(results, most)]


def later(ms: int) -> datetime:
    return AT + timedelta(milliseconds=ms)


def test_recorded_results_come_in_the_order_of_time_between_two_times(writer: Writer, client: Client) -> None:
    for number in range(6):
        answer(writer, f"r{number}", number * 10, partition=number % 2)
    with client.results(since=later(10), until=later(40)) as results:
        assert ids(results) == ["r1", "r2", "r3"]
    with client.results() as results:
        assert len(ids(results)) == 6


def test_a_result_says_all_that_its_record_says(writer: Writer, client: Client) -> None:
    value = encode_rows({"y": [np.array([1.5, 2.5], np.float32), np.array([], np.float32)]})
    answer(writer, "r", 7, partition=2, value=value, frame="f/1/9", frame_digest="d")
    with client.results() as results:
        (one,) = results
    assert (one.request_id, one.pipeline, one.pipeline_version, one.role) == ("r", "default/shelf", "pv", "champion")
    assert (one.model, one.model_version, one.model_sha256, one.arm) == ("yolox", "v1", "sha", "yolox@v1")
    assert (one.status, one.error, one.frame, one.frame_digest) == ("ok", None, "f/1/9", "d")
    assert (one.topic, one.partition, one.offset) == (writer.topics.results, 2, 0)
    assert one.published_at == one.at == later(7)
    assert one.outputs == {"y": [[1.5, 2.5], []]}
    assert str(one.table.schema.field("y").type) == "list<item: float>"


def test_following_without_since_is_from_now_on_and_ends_by_a_signals_stop(writer: Writer, client: Client) -> None:
    answer(writer, "old")
    with client.results(follow=True) as results:
        answer(writer, "new", 1)
        assert ids(results, 1) == ["new"]
        before = signal.signal(signal.SIGUSR1, lambda *_: results.stop())
        try:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            began_s = time.monotonic()
            assert ids(results) == []
            assert time.monotonic() - began_s < 60
        finally:
            signal.signal(signal.SIGUSR1, before)


def test_roles_pipelines_and_models_are_chosen(writer: Writer, client: Client) -> None:
    client.build_pipeline("shelf")
    answer(writer, "a", 0)
    answer(writer, "b", 1, pipeline="lab/other")
    challenge(writer, "a", 2)
    chosen: dict[str, Any]
    for expected, chosen in (
        (["a", "b"], {}),
        (["a", "b", "a"], {"role": "all"}),
        (["a"], {"role": "shadow"}),
        (["a"], {"pipeline": "shelf"}),
        (["a"], {"pipeline": "default/shelf"}),
        (["a"], {"pipeline": client.get_pipeline("shelf")}),
        (["a"], {"role": "all", "model": "rival@v1"}),
        ([], {"model": "rival@v2", "role": "all"}),
    ):
        with client.results(joined=False, **chosen) as results:
            assert [one.request_id for one in results] == expected, chosen
    with pytest.raises(EntityNotFoundError, match=r"pipeline: default/shelv does not exist; there are: default/shelf"):
        client.results("shelv")


def test_a_group_goes_on_behind_what_was_handed_out_when_it_committed(writer: Writer, client: Client) -> None:
    for number in range(6):
        answer(writer, f"r{number}", number)
    with client.results(group="g") as results:
        assert ids(results, 2) == ["r0", "r1"]
        committed = results.commit()
        assert committed == {f"{writer.topics.results}/0": 2}
        assert ids(results, 2) == ["r2", "r3"]  # handed out, not committed
    with client.results(group="g") as results:
        assert ids(results, 4) == ["r2", "r3", "r4", "r5"]


def test_a_new_group_begins_where_since_says_and_an_old_one_where_it_was(writer: Writer, client: Client) -> None:
    for number in range(4):
        answer(writer, f"r{number}", number * 10)
    with client.results(group="g", since=later(20)) as results:
        assert ids(results, 1) == ["r2"]
        results.commit()
    with client.results(group="g", since=later(0)) as results:
        assert ids(results, 1) == ["r3"]


class Member(threading.Thread):
    """Reads in a group until it is told to leave; notes the partition of each request."""

    def __init__(self, client: Client, **options: Any) -> None:
        super().__init__(daemon=True)
        self.results: ResultStream[Any] = client.results(group="shared", **options)
        self.came: dict[str, int] = {}
        self.start()

    def run(self) -> None:
        for one in self.results:
            result = one.official if isinstance(one, JoinedResult) else one
            assert result.request_id not in self.came or isinstance(one, Result), "joined gives a request once"
            self.came[result.request_id] = result.partition

    def leave(self) -> None:
        self.results.stop()
        self.join(20)
        self.results.close()


def test_members_of_a_group_share_the_partitions_and_take_over_what_was_not_committed(
    writer: Writer, client: Client
) -> None:
    rounds = count(0)

    def write() -> set[str]:
        """One answer in each partition."""
        number = next(rounds)
        for partition in range(PARTITIONS):
            answer(writer, f"r{number}-{partition}", number, partition)
        return {f"r{number}-{partition}" for partition in range(PARTITIONS)}

    def shares() -> list[set[int]]:
        """The partitions of one more round at each member; each result of it at one of them."""
        written = write()
        eventually(lambda: written <= {*first.came, *second.came}, 60, "a round at both together")
        return [{one.came[request] for request in written & set(one.came)} for one in (first, second)]

    first = second = Member(client)
    assert shares()[0] == set(range(PARTITIONS))
    second = Member(client)
    eventually(lambda: [len(one) for one in shares()] == [PARTITIONS // 2] * 2, 60, "half of a round at each")
    only = set(second.came) - set(first.came)
    second.leave()
    eventually(lambda: only <= set(first.came), 60, "the second's, which it did not commit, at the first")
    first.leave()


def test_what_a_window_holds_when_the_group_is_rebalanced_comes_again_to_one_member(
    writer: Writer, client: Client
) -> None:
    """Distinct, which joined results are, must not take it for something that was given."""
    for partition in range(PARTITIONS):
        answer(writer, f"r{partition}", partition, partition, parts=1)
    first = Member(client, joined=True, late_s=3600)
    eventually(lambda: held(first.results) == PARTITIONS, 60, "all in the window of the first")
    second = Member(client, joined=True, late_s=3600)
    eventually(lambda: held(second.results) == PARTITIONS // 2, 60, "half of them in the window of the second")
    for partition in range(PARTITIONS):
        challenge(writer, f"r{partition}", partition, partition)
    wanted = {f"r{partition}" for partition in range(PARTITIONS)}
    eventually(lambda: wanted == {*first.came, *second.came}, 60, "all at either")
    assert len(first.came) == len(second.came)
    for member in (first, second):
        member.leave()


def held(results: "ResultStream[Any]") -> int:
    """How many wait in the window."""
    try:
        return len(list(results._window.progress.held()))  # noqa: SLF001 (nobody else sees them)
    except RuntimeError:
        return -1  # whoever reads has just changed it


def test_joined_brings_challengers_beside_their_champion_and_says_who_is_missing(
    writer: Writer, client: Client
) -> None:
    answer(writer, "a", 10, parts=1)
    challenge(writer, "a", 5)
    answer(writer, "b", 20, parts=2)
    challenge(writer, "b", 900)
    challenge(writer, "b", 5000, model="late")
    answer(writer, "b", 21, parts=2)
    answer(writer, "c", 30)
    with client.results(joined=True, late_s=1, until=later(40)) as results:
        came = list(results)
    assert [(one.official.request_id, sorted(one.challengers), one.missing) for one in came] == [
        ("a", ["rival@v1"], 0),
        ("b", ["rival@v1"], 1),
        ("c", [], 0),
    ]


def test_while_nothing_comes_the_late_are_given_up_by_the_clock(writer: Writer, client: Client) -> None:
    with client.results(follow=True, joined=True, late_s=1.0) as results:
        at = time.time_ns() // 1_000_000
        writer.write("a", at, published_at=at, parts=1)
        one = next(results)
        waited_s = time.time() - at / 1000
    assert isinstance(one, JoinedResult)
    assert (one.official.request_id, one.missing) == ("a", 1)
    assert 1.0 <= waited_s < 60


def test_a_group_commits_no_further_than_what_joined_holds_back(writer: Writer, client: Client) -> None:
    challenge(writer, "b", 0)
    answer(writer, "a", 1)
    answer(writer, "b", 2, parts=2)
    answer(writer, "c", 3)
    with client.results(group="g", joined=True, late_s=3600) as results:
        assert next(results).official.request_id == "a"
        assert read_on(results) == {f"{writer.topics.results}/0": 1, f"{writer.topics.shadows}/0": 0}
    challenge(writer, "b", 4, model="other")
    with client.results(group="g", joined=True, late_s=3600) as results:
        one = next(results)
        assert (one.official.request_id, sorted(one.challengers)) == ("b", ["other@v1", "rival@v1"])
        assert next(results).official.request_id == "c"
        assert results.commit() == {f"{writer.topics.results}/0": 3, f"{writer.topics.shadows}/0": 2}


def read_on(results: "ResultStream[JoinedResult]") -> dict[str, int]:
    """Committed once all that was written was read, and nothing more was handed out."""

    def stop() -> None:
        try:
            eventually(lambda: held(results) == 3, 60, "three in the window")
        finally:
            results.stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    assert list(results) == []
    stopping.join()
    return results.commit()


def test_ordered_puts_results_in_the_order_of_their_frames(writer: Writer, client: Client) -> None:
    for at, offset in enumerate((1, 0, 3, 2, 6, 5)):
        answer(writer, f"r{offset}", at, frame=f"frames/0/{offset}")
    with client.results(ordered=True, late_s=5) as results:
        assert ids(results) == ["r0", "r1", "r2", "r3", "r5", "r6"]


@pytest.mark.parametrize("group", [None, "g"])
def test_while_nothing_comes_ordered_gives_a_hole_up_by_the_clock(
    writer: Writer, client: Client, group: str | None
) -> None:
    with client.results(follow=True, group=group, ordered=True, late_s=1) as results:
        at = time.time_ns() // 1_000_000
        for offset in (2, 1):
            writer.write(f"r{offset}", at, published_at=at, frame=f"frames/0/{offset}")
        assert ids(results, 2) == ["r1", "r2"]
        assert time.time() - at / 1000 >= 1.0
        writer.write("r0", at, published_at=at, frame="frames/0/0")
        assert ids(results, 1) == ["r0"]


def test_distinct_gives_a_request_once_and_each_of_its_challengers_once(writer: Writer, client: Client) -> None:
    for at in (0, 1):
        answer(writer, "a", at)
        challenge(writer, "a", at)
        challenge(writer, "a", at, model="other")
    with client.results(role="all", distinct=True) as results:
        assert sorted((one.request_id, one.model) for one in results) == [
            ("a", "other"),
            ("a", "rival"),
            ("a", "yolox"),
        ]


def test_batches_are_tables_of_the_results_dataset(writer: Writer, client: Client) -> None:
    rows = encode_rows({"y": [np.array([1.0], np.float32), np.array([2.0, 3.0], np.float32)]})
    answer(writer, "a", 0, value=rows)
    answer(writer, "b", 1, status="error", value=b'{"error": "BadArrow", "message": "m", "stage": "decode"}')
    answer(writer, "c", 2, value=encode_rows({"z": [np.array([7], np.int64)]}))
    with client.results() as results:
        first, second = results.batches(rows_max=3)
    assert first.column_names == [*COLUMNS.names, "out.y"]
    assert first.schema.field("row").type == "int32"
    shown = first.select(["subject", "row", "status", "error", "out.y"]).to_pylist()
    assert [list(one.values()) for one in shown] == [
        ["a", 0, "ok", None, [1.0]],
        ["a", 1, "ok", None, [2.0, 3.0]],
        ["b", 0, "error", "BadArrow", None],
    ]
    assert second.select(["request_id", "out.z"]).to_pylist() == [{"request_id": "c", "out.z": [7]}]


def test_a_group_commits_behind_the_tables_that_were_handed_out(writer: Writer, client: Client) -> None:
    for number in range(5):
        answer(writer, f"r{number}", number)
    with client.results(group="g") as results:
        table = next(results.batches(rows_max=2))
        assert table["request_id"].to_pylist() == ["r0", "r1"]
        assert results.commit() == {f"{writer.topics.results}/0": 2}


def test_a_commit_without_a_group_says_how_to_have_one(writer: Writer, client: Client) -> None:
    answer(writer, "a")
    with client.results() as results, pytest.raises(ValueError, match=r"no group; expected client\.results\(group='n"):
        results.commit()
