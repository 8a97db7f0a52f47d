"""The loop alone, on a road that answers at once, late, twice, or never."""

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from schemas.errors import FrameTooLarge
from schemas.frames import Origin
from schemas.results import Answer
from sparring.dataset import DatasetWriter, open_dataset
from sparring.dataset.rows import Size
from sparring.replay.frame import ReplayFrame
from sparring.replay.journal import Journal
from sparring.replay.plan import Pace
from sparring.replay.recorded import Recorded
from sparring.replay.road import Delivered, Event, Lost, Road
from sparring.replay.run import UNDER_WAY_FRAMES_MAX, Replay
from sparring.vision import encode_png
from tests.sparring.replay.told import answer, failed, frame, plan


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


def run(tmp_path: Path, road: Near, frames: list[ReplayFrame], **other: object) -> tuple[Replay, bool]:
    journal = (
        Journal.begin(tmp_path, plan(**other)) if not (tmp_path / "_replay").exists() else Journal.resume(tmp_path)
    )
    with journal, Recorded(tmp_path / "_replay" / "recorded.sqlite") as recorded:
        if not recorded.is_whole:
            recorded.keep([failed("r1", "sparring.frames/0/1")])
        writer = DatasetWriter(tmp_path, f"abc-{journal.attempt():03}", input_size)
        replay = Replay(journal, recorded, cast("Road", road), writer, journal.plan.pace)
        return replay, replay.run(frames)


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
    assert road.most_under_way == UNDER_WAY_FRAMES_MAX


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
    with Journal.begin(tmp_path, plan()) as journal, Recorded(tmp_path / "_replay" / "recorded.sqlite") as recorded:
        recorded.keep([])
        writer = DatasetWriter(tmp_path, "abc-0", input_size)
        replay = Replay(journal, recorded, cast("Road", road), writer, Pace())

        def some() -> object:
            for number in range(1000):
                if number == 700:
                    replay.interrupt()
                yield frame(number)

        assert not replay.run(some())  # type: ignore[arg-type]
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
    class Gone(Near):
        def answers(self, sent: ReplayFrame, place: str) -> list[Answer]:
            self.held.append(Lost(OSError("no route")))
            return super().answers(sent, place)

    with pytest.raises(ConnectionError, match="answers can no longer be read: no route"):
        run(tmp_path, Gone(), [frame(1)])


def test_the_pace_is_by_count_by_rhythm_or_none() -> None:
    assert Pace(fps=4).due_s(8, 123) == 2.0
    assert Pace(speed=10).due_s(8, 5_000) == 0.5
    assert Pace(speed=1).due_s(8, -5) == 0.0
    assert Pace().due_s(8, 5_000) == 0.0
