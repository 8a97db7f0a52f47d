"""What survives the process that replayed: the plan, what was sent, what is written."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import SparringError
from sparring.replay.journal import Journal
from sparring.replay.plan import Pace
from sparring.replay.recorded import RecordedAnswers
from sparring.replay.source import (
    DatasetFrames,
    DeadLetters,
    Files,
    FrameSource,
    ReplayRange,
    SelectedFrames,
    TopicRange,
)
from tests.sparring.replay.made import answer, plan


@pytest.mark.parametrize(
    "source",
    [
        TopicRange("t", (ReplayRange(0, 1, 9),), "shelf"),
        SelectedFrames("t", {0: (1, 5), 3: (2,)}, (0, 3, 0)),
        DeadLetters("t", {1: (7,)}, (1,)),
        Files(("a.jpg", "b.mp4")),
        DatasetFrames("s3://bucket/x", "parquet", "image", 5, "camera"),
    ],
)
def test_a_plan_is_the_same_after_it_was_written(tmp_path: Path, source: FrameSource) -> None:
    written = plan(source=source, pace=Pace(fps=2.5), frames=7, since=3)
    Journal.begin(tmp_path, written).close()
    with Journal.resume(tmp_path) as journal:
        assert journal.plan == written


def test_a_folder_holds_one_replay_and_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no replay"):
        Journal.resume(tmp_path)
    Journal.begin(tmp_path, plan()).close()
    with pytest.raises(FileExistsError, match=r"--resume .* goes on"):
        Journal.begin(tmp_path, plan())


def test_a_replay_that_is_under_way_is_for_one_process_and_the_other_is_told_which(tmp_path: Path) -> None:
    code = (
        f"import pathlib; from sparring.replay.journal import Journal; Journal.resume(pathlib.Path({str(tmp_path)!r}))"
    )
    with Journal.begin(tmp_path, plan()):
        other = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False, timeout=60)
        assert f"is under way, in process {os.getpid()}: wait until it has ended" in other.stderr
        with pytest.raises(SparringError, match="is under way"):
            Journal.begin(tmp_path, plan())
    subprocess.run((sys.executable, "-c", code), check=True, timeout=60)


def test_frames_that_were_sent_twice_are_counted_and_written_ones_are_known_after_a_crash(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path / "run", plan())
    for number in (1, 2, 3, 2):
        journal.sending(number)
    journal.wrote([1], ["date=1970-01-02/model=m/abc-001-000001.parquet"])
    # Copied while it is open: as a process that was killed leaves it.
    killed = shutil.copytree(tmp_path / "run", tmp_path / "killed")
    with Journal.resume(killed) as again:
        assert again.counts() == (3, 1, 1)
        assert [again.is_written(number) for number in (1, 2, 3)] == [True, False, False]
        assert (again.attempt(), again.attempt()) == (1, 2)
    journal.close()


def test_a_frame_that_was_too_large_was_not_sent(tmp_path: Path) -> None:
    with Journal.begin(tmp_path, plan()) as journal:
        for number in (1, 1, 2, 3, 3):
            journal.sending(number)
        for number in (1, 1, 3):
            journal.take_back(number)
        assert journal.counts() == (2, 0, 0)


def test_on_a_full_disk_nothing_is_noted_and_the_error_says_so(tmp_path: Path) -> None:
    with Journal.begin(tmp_path / "run", plan()) as journal, RecordedAnswers(tmp_path / "recorded.sqlite") as recorded:
        kept = [answer(f"r{number}", f"f/0/{number}") for number in range(1000)]
        with full(journal._db), pytest.raises(OSError, match=r"journal\.sqlite: database or disk is full"):  # noqa: SLF001
            journal.wrote(range(100_000), ["a"])
        with full(recorded._db), pytest.raises(OSError, match=r"recorded\.sqlite: database or disk is full"):  # noqa: SLF001
            recorded.keep(kept)
        assert (journal.counts(), journal.is_written(0), recorded.is_whole) == ((0, 0, 0), False, False)
        journal.wrote([1], ["b"])
        recorded.keep(kept)
        assert (journal.is_written(1), journal.is_written(2), recorded.is_whole) == (True, False, True)


@contextlib.contextmanager
def full(db: sqlite3.Connection) -> Iterator[None]:
    """A database whose disk has no room for another page."""
    (before,) = db.execute("PRAGMA max_page_count").fetchone()
    db.execute("PRAGMA max_page_count = 1")  # that is: as many as there are
    yield
    db.execute(f"PRAGMA max_page_count = {before}")


def test_files_that_no_note_names_are_removed_and_others_are_left(tmp_path: Path) -> None:
    folder = tmp_path / "date=1970-01-02" / "model=m"
    folder.mkdir(parents=True)
    for name in ("abc-001-000001.parquet", "abc-001-000002.parquet", ".abc-001-000003.parquet.part", "mine.parquet"):
        (folder / name).touch()
    with Journal.begin(tmp_path, plan()) as journal:
        journal.wrote([1], [f"{folder.relative_to(tmp_path)}/abc-001-000001.parquet"])
        assert journal.forget_files_in_the_making() == 2
    assert sorted(path.name for path in folder.iterdir()) == ["abc-001-000001.parquet", "mine.parquet"]


def test_the_first_recorded_answer_of_a_frame_counts_and_half_a_reading_is_done_again(tmp_path: Path) -> None:
    first, second = answer("r1", published_at=1), answer("r1", published_at=2)
    with RecordedAnswers(tmp_path / "recorded.sqlite") as recorded:

        def breaks() -> object:
            yield second
            raise ConnectionError("the broker is gone")

        with pytest.raises(ConnectionError):
            recorded.keep(breaks())  # type: ignore[arg-type]
        assert (recorded.is_whole, recorded.get("f/0/1")) == (False, None)
        recorded.keep([first, second, answer("r2", "f/0/2")])
        assert recorded.is_whole
        assert (recorded.get("f/0/1"), recorded.get("f/0/9")) == (first, None)
