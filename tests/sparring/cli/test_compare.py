"""`sparring compare`: what it prints, writes and returns."""

import json
from pathlib import Path

import polars as pl
import pytest

from sparring import cli
from tests.sparring.comparison.datasets import answer, write

BOX = (0, 0, 10, 10)


@pytest.fixture
def sides(tmp_path: Path) -> list[str]:
    a = [answer("x", [(BOX, 39, 0.75)]), answer("y", []), answer("gone", [])]
    b = [answer("x", [(BOX, 41, 0.5)]), answer("y", [])]
    return [str(write(tmp_path / name, rows, name)) for name, rows in (("nano", a), ("det", b))]


def test_a_person_reads_totals_what_changed_most_and_who_is_missing(
    sides: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *sides, "--class-names", "coco"]) == 0
    said = capsys.readouterr()
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    for line in (
        "models nano det",
        "answers 3 2",
        "pairs 2",
        "unchanged 50.0 %",
        "matched, only A, only B 0, 1, 1",
        "bottle 1 0 0",
        "cup 0 1 0",
        "1.000 x 0 1 -> 1 boxes, 0 matched",
        "gone",
    ):
        assert line in lines, line
    assert said.err == ""


def test_a_program_reads_one_object_with_all_totals(sides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", *sides, "--any-class", "--iou", "0.9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["boxes"]["matched"] == 1
    assert told["a"]["listed"] == ["gone"]
    assert told["changed"] == [{"change": 1.0, "subject": "x", "row": 0, "source": None}]


def test_a_dataset_of_pairs_and_a_page_are_written(
    sides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "no-stack"))
    page = tmp_path / "page.html"
    assert (
        cli.main(["compare", *sides, "--min-confidence", "0.6", "--out", str(tmp_path / "p"), "--html", str(page)]) == 0
    )
    pairs = pl.read_parquet(tmp_path / "p").sort("subject")
    assert pairs["in"].to_list() == ["a", "both", "both"]
    assert pairs["boxes_b"].to_list() == [None, 0, 0]
    assert page.read_text().startswith("<!doctype html>")


def test_without_a_subject_in_common_it_says_so_and_exits_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [str(write(tmp_path / name, [answer(name, [])])) for name in "ab"]
    assert cli.main(["compare", *sides]) == 3
    assert "no subject in common" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--iou", "0"], 2, "'0'; expected a number above 0, at most 1"),
        (["--min-confidence", "nan"], 2, "'nan'; expected a number, as 0.3"),
        (["--box-format", "yxyx"], 2, "invalid choice: 'yxyx'"),
        (["--classes", "\ud800"], 2, "argument --classes: '\\ud800' cannot be written as UTF-8"),
        (["--html", "absent/page.html"], 1, "absent: there is no such folder"),
        (["--boxes", "classes", "--classes", "absent", "--box-format", "xywh"], 0, ""),
    ],
)
def test_wrong_options_are_refused(
    sides: list[str], capsys: pytest.CaptureFixture[str], more: list[str], code: int, says: str
) -> None:
    try:
        returned = cli.main(["compare", *sides, *more])
    except SystemExit as left:
        returned = int(left.code or 0)
    assert returned == code
    assert says in capsys.readouterr().err


def test_a_folder_that_is_absent_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", str(tmp_path / "absent")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("sparring: a: ")
    assert said.count("\n") == 1
