"""The loop alone, on a road that answers at once, late, twice, or never."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from schemas.errors import FrameTooLarge, SparringError
from schemas.frames import Origin
from schemas.results import Answer
from sparring.dataset import DatasetWriter, open_dataset
from sparring.dataset.rows import Size
from sparring.replay.frame import Reading, ReplayFrame
from sparring.replay.journal import Journal
from sparring.replay.loop import Replay
from sparring.replay.pending_frames import PendingFrames
from sparring.replay.plan import Pace, ReplayLimits
from sparring.replay.recorded import RecordedAnswers
from sparring.replay.transport import AnswersLost, Delivered, Event, ReplayTransport
from sparring.vision import encode_png
from tests.sparring.replay.made import answer, failed, frame, plan


class Near:
    """A road without Kafka: what `answers` makes of a frame comes back, its delivery report before or after."""

    def __init__(self, *, late_reports: bool = False) -> None:
        self.events: deque[Event] = deque()
        self.sent: list[int] = []
        self.most_under_way = 0
        self.held: list[Event] = []
        self.holds = 0
        self.late_reports = late_reports

    def answers(self, sent: ReplayFrame, place: str) -> list[Answer]:
        return [answer(f"r{sent.number}", place)]

    def send(self, sent: ReplayFrame) -> str:
        self.sent.append(sent.number)
        place = Origin("own.frames", 1, sent.number)
        report: list[Event] = [Delivered(sent.number, place)]
        answers: list[Event] = list(self.answers(sent, str(place)))
        self.held += [*answers, *report] if self.late_reports else [*report, *answers]
        self.holds += 1
        self.most_under_way = max(self.most_under_way, self.holds)
        return f"r{sent.number}"

    def take(self, _within_s: float) -> Event | None:
        if not self.events:
            # Only who waits is answered, so that as much as may be is under way.
            if not _within_s:
                return None
            self.events.extend(self.held)
            self.held, self.holds = [], 0
        return self.events.popleft() if self.events else None


def run(
    tmp_path: Path,
    road: Near,
    frames: Iterable[Reading],
    limits: ReplayLimits | None = None,
    clock: Callable[[], float] = time.monotonic,
    **other: object,
) -> tuple[Replay, bool]:
    journal = (
        Journal.begin(tmp_path, plan(**other)) if not (tmp_path / "_replay").exists() else Journal.resume(tmp_path)
    )
    with journal, RecordedAnswers(tmp_path / "_replay" / "recorded.sqlite") as recorded:
        if not recorded.is_whole:
            recorded.keep([failed("r1", "sparring.frames/0/1")])
        journal.forget_files_in_the_making()
        writer = DatasetWriter(tmp_path, f"abc-{journal.attempt():03}", input_size)
        left = PendingFrames(frames, journal)
        pace, bounds = journal.plan.pace, limits or ReplayLimits()
        replay = Replay(left, journal, recorded, cast("ReplayTransport", road), writer, pace, bounds, clock)
        return replay, replay.run()


def input_size(made: Answer) -> Size:
    """As if answers that are errors came from a smaller model."""
    return Size(640, 480, "stretch") if made.status == "ok" else Size(320, 320, "letterbox")


def subjects(tmp_path: Path) -> list[str]:
    return sorted(open_dataset(tmp_path).to_table(columns=["subject"])["subject"].to_pylist())


@pytest.mark.parametrize("late_reports", [False, True])
def test_each_frame_is_sent_once_and_its_answer_written_whichever_comes_first_report_or_answer(
    tmp_path: Path, late_reports: bool
) -> None:
    road = Near(late_reports=late_reports)
    replay, finished = run(tmp_path, road, [frame(number) for number in range(600)])
    assert finished
    assert road.sent == list(range(600))
    assert (replay.counts.sent, replay.counts.answered, replay.counts.statuses) == (600, 600, {"ok": 600})
    assert subjects(tmp_path) == sorted(f"r{number}" for number in range(600))
    assert road.most_under_way == ReplayLimits().frames


def test_where_noting_fails_once_the_frames_are_sent_again_and_each_is_in_the_dataset_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Journal.wrote
    disk = iter((OSError("the disk is full"),))

    def wrote(journal: Journal, numbers: Iterable[int], files: Iterable[str]) -> None:
        if (full := next(disk, None)) is not None:
            raise full
        noted(journal, numbers, files)

    monkeypatch.setattr(Journal, "wrote", wrote)
    frames = [frame(number) for number in range(20)]
    with pytest.raises(OSError, match="the disk is full"):
        run(tmp_path, Near(), frames)
    again, finished = run(tmp_path, Near(), frames)
    assert (finished, again.counts.skipped, again.counts.sent) == (True, 0, 20)
    assert subjects(tmp_path) == sorted(f"r{number}" for number in range(20))


def test_the_recorded_answer_stands_beside_the_new_one(tmp_path: Path) -> None:
    run(tmp_path, Near(), [frame(1), frame(2)])
    rows = sorted(open_dataset(tmp_path).to_table().to_pylist(), key=lambda row: row["subject"])
    assert [(row["status"], row["recorded.status"], row["recorded.error"]) for row in rows] == [
        ("ok", "error", "BadJson"),
        ("ok", None, None),
    ]


def test_what_was_recorded_has_the_input_of_the_model_that_answered_then(tmp_path: Path) -> None:
    run(tmp_path, Near(), [frame(1), frame(2)])
    rows = sorted(open_dataset(tmp_path).to_table().to_pylist(), key=lambda row: row["subject"])
    names = ("input_width", "recorded.input_width", "input_aspect", "recorded.input_aspect")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (640, 320, "stretch", "letterbox"),
        (640, None, "stretch", None),
    ]


def test_how_large_a_frame_is_that_is_a_picture_stands_in_the_dataset(tmp_path: Path) -> None:
    png = encode_png(np.zeros((30, 40, 3), np.uint8))
    run(tmp_path, Near(), [frame(1), replace(frame(2), value=png)])
    rows = sorted(open_dataset(tmp_path).to_table().to_pylist(), key=lambda row: row["subject"])
    assert [(row["picture_width"], row["picture_height"]) for row in rows] == [(None, None), (40, 30)]


def test_challengers_answers_are_waited_for_and_one_that_comes_twice_counts_once(tmp_path: Path) -> None:
    class Shadowed(Near):
        def answers(self, sent: ReplayFrame, place: str) -> list[Answer]:
            shadow = answer(f"r{sent.number}", place, role="challenger", model="next")
            return [
                shadow,
                shadow,
                answer(f"r{sent.number}", place, parts=1),
                answer(f"r{sent.number}", place, parts=1),
            ]

    replay, _ = run(tmp_path, Shadowed(), [frame(number) for number in range(5)])
    assert (replay.counts.answered, replay.counts.late) == (5, 0)
    assert subjects(tmp_path) == sorted(f"r{number}" for number in range(5) for _ in range(2))


def test_what_was_interrupted_goes_on_and_nothing_that_is_written_is_sent_again(tmp_path: Path) -> None:
    road = Near()
    with (
        Journal.begin(tmp_path, plan()) as journal,
        RecordedAnswers(tmp_path / "_replay" / "recorded.sqlite") as recorded,
    ):
        recorded.keep([])
        writer = DatasetWriter(tmp_path, "abc-0", input_size)

        def some() -> Iterator[Reading]:
            for number in range(1000):
                if number == 700:
                    left.interrupt()
                yield frame(number)

        left = PendingFrames(some(), journal)
        assert not Replay(left, journal, recorded, cast("ReplayTransport", road), writer, Pace(), ReplayLimits()).run()
    written = subjects(tmp_path)
    assert 0 < len(written) < 700
    again = Near()
    replay, finished = run(tmp_path, again, [frame(number) for number in range(1000)])
    assert finished
    assert replay.counts.skipped == len(written)
    assert not {f"r{number}" for number in again.sent} & set(written)
    assert subjects(tmp_path) == sorted(f"r{number}" for number in range(1000))
    with Journal.resume(tmp_path) as journal:
        sent, sent_again, done = journal.counts()
    assert (sent, done) == (1000, 1000)
    assert sent_again == len(road.sent) + len(again.sent) - 1000


def test_a_frame_that_is_too_large_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    class Narrow(Near):
        def send(self, sent: ReplayFrame) -> str:
            if sent.number == 1:
                raise FrameTooLarge("the frame: 17 MiB")
            return super().send(sent)

    replay, finished = run(tmp_path, Narrow(), [frame(number) for number in range(3)])
    assert finished
    assert (replay.counts.refused, replay.counts.refusals, replay.counts.answered) == (1, ["the frame: 17 MiB"], 2)


def test_a_lost_broker_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    class Cut(Near):
        def answers(self, sent: ReplayFrame, place: str) -> list[Answer]:
            self.held.append(AnswersLost(OSError("no route")))
            return super().answers(sent, place)

    with pytest.raises(ConnectionError, match="answers can no longer be read: no route"):
        run(tmp_path, Cut(), [frame(1)])


def test_what_has_come_is_written_before_an_error_of_the_source_goes_on_and_is_not_sent_again(tmp_path: Path) -> None:
    def breaks() -> Iterator[Reading]:
        yield from (frame(number) for number in range(3))
        raise OSError("the disk is gone")

    class Prompt(Near):
        def take(self, _within_s: float) -> Event | None:
            return super().take(1)

    with pytest.raises(OSError, match="the disk is gone"):
        run(tmp_path, Prompt(), breaks())
    assert subjects(tmp_path) == ["r0", "r1", "r2"]
    again = Near()
    run(tmp_path, again, [frame(number) for number in range(4)])
    assert again.sent == [3]


def test_a_frame_that_the_broker_finds_too_large_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    class Strict(Near):
        def send(self, sent: ReplayFrame) -> str:
            if sent.number != 1:
                return super().send(sent)
            self.events.append(Delivered(1, FrameTooLarge("2 MiB; the topic takes 1")))
            return "r1"

    replay, finished = run(tmp_path, Strict(), [frame(number) for number in range(3)])
    counts = replay.counts
    assert (finished, counts.sent, counts.answered, counts.refused, counts.under_way) == (True, 2, 2, 1, 0)
    assert counts.refusals == ["sparring.frames/0/1: 2 MiB; the topic takes 1"]


def test_a_file_that_was_written_and_not_noted_is_written_anew_and_no_row_is_there_twice(tmp_path: Path) -> None:
    class Killed(Journal):
        def wrote(self, numbers: Iterable[int], files: Iterable[str]) -> None:
            if list(files):
                raise KeyboardInterrupt
            super().wrote(numbers, files)

    frames = [frame(number) for number in range(5)]
    with (
        Killed.begin(tmp_path, plan()) as journal,
        RecordedAnswers(tmp_path / "_replay" / "recorded.sqlite") as recorded,
    ):
        recorded.keep([])
        writer = DatasetWriter(tmp_path, "abc-000", input_size)
        left = PendingFrames(frames, journal)
        with pytest.raises(KeyboardInterrupt):
            Replay(left, journal, recorded, cast("ReplayTransport", Near()), writer, Pace(), ReplayLimits()).run()
    assert subjects(tmp_path) == [f"r{number}" for number in range(5)], "the file is there"
    road = Near()
    run(tmp_path, road, frames)
    assert road.sent == list(range(5))
    assert subjects(tmp_path) == [f"r{number}" for number in range(5)]


class Challenged(Near):
    """Officially answered at once; the challenger answers one frame in each turn of the loop that waits. `now_s` is the
    time, which only such a turn takes: how fast this machine is says nothing."""

    shed = 0

    def __init__(self) -> None:
        super().__init__()
        self.queue: deque[Answer] = deque()
        self.now_s = 1000.0

    def send(self, sent: ReplayFrame) -> str:
        self.sent.append(sent.number)
        place = Origin("own.frames", 1, sent.number)
        self.events += [Delivered(sent.number, place), answer(f"r{sent.number}", str(place), parts=1)]
        shadow = answer(f"r{sent.number}", str(place), role="challenger", model="next")
        if self.shed > len(self.queue):
            shadow = replace(shadow, status="shed", value=b"{}")
        self.queue.append(shadow)
        return f"r{sent.number}"

    def take(self, within_s: float) -> Event | None:
        if not self.events and within_s:
            self.now_s += SLOW_S
            if self.queue:
                return self.queue.popleft()
        return self.events.popleft() if self.events else None


SLOW_S = 0.02


def test_a_challenger_that_is_slower_than_the_champion_is_waited_for_as_long_as_it_answers(tmp_path: Path) -> None:
    """The last is answered ten times as late as any may be that nothing comes for."""
    road, limits = Challenged(), ReplayLimits(parts_s=10 * SLOW_S)
    frames = [frame(number) for number in range(100)]
    replay, finished = run(tmp_path, road, frames, limits, lambda: road.now_s)
    assert (finished, replay.counts.late, replay.counts.answered) == (True, 0, 100)
    assert Counter(subjects(tmp_path)) == {f"r{number}": 2 for number in range(100)}


def test_challengers_answers_that_were_shed_are_counted(tmp_path: Path) -> None:
    class Shedding(Challenged):
        shed = 2

    road = Shedding()
    replay, _ = run(tmp_path, road, [frame(number) for number in range(5)], clock=lambda: road.now_s)
    assert (replay.counts.answered, replay.counts.shed) == (5, 2)


def test_a_challenger_that_never_answers_is_given_up_and_counted(tmp_path: Path) -> None:
    class Silent(Near):
        def answers(self, sent: ReplayFrame, place: str) -> list[Answer]:
            return [answer(f"r{sent.number}", place, parts=2)]

    replay, finished = run(tmp_path, Silent(), [frame(number) for number in range(3)], ReplayLimits(parts_s=0.05))
    assert (finished, replay.counts.late, replay.counts.answered) == (True, 6, 3)
    assert subjects(tmp_path) == ["r0", "r1", "r2"]


def test_a_replay_that_nobody_answers_ends_with_what_was_answered_and_says_how_many_are_under_way(
    tmp_path: Path,
) -> None:
    class Half(Near):
        def answers(self, sent: ReplayFrame, place: str) -> list[Answer]:
            return super().answers(sent, place) if sent.number < 2 else []

    with pytest.raises(SparringError, match=r"no answer for 0\.05 s, and 3 frames are under way; --resume"):
        run(tmp_path, Half(), [frame(number) for number in range(5)], ReplayLimits(answer_s=0.05))
    assert subjects(tmp_path) == ["r0", "r1"]


def test_of_answers_that_come_before_their_frames_report_only_so_many_are_kept(tmp_path: Path) -> None:
    """Answers to other frames are forgotten; the one that is due is not, where it is among the newest."""

    class Crowded(Near):
        def answers(self, sent: ReplayFrame, place: str) -> list[Answer]:
            others = [answer(f"x{number}", f"own.frames/9/{number}") for number in range(50)]
            return [*others, *super().answers(sent, place), *others[:2]]

    replay, _ = run(tmp_path, Crowded(late_reports=True), [frame(1)], ReplayLimits(early=3))
    assert replay.counts.answered == 1
    with pytest.raises(SparringError, match="no answer for"):
        run(tmp_path, Crowded(late_reports=True), [frame(2)], ReplayLimits(early=2, answer_s=0.05))


def test_the_pace_is_by_count_by_rhythm_or_none() -> None:
    assert Pace(fps=4).due_s(8, 123) == 2.0
    assert Pace(speed=10).due_s(8, 5_000) == 0.5
    assert Pace(speed=1).due_s(8, -5) == 0.0
    assert Pace().due_s(8, 5_000) == 0.0
