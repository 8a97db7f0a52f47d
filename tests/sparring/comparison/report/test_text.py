"""How numbers and totals are written for people."""

from pathlib import Path

import pytest

import sparring
from sparring.comparison.report.text import number, sections
from tests.sparring.comparison.datasets import answer, failed, write


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.123456, "0.1235"),
        (1e-7, "1e-07"),
        (903.74, "903.7"),
        (-1692.4, "-1,692"),
        (15_874.2, "15,870"),
        (99_999.0, "100,000"),
        (2.5e12, "2.5e+12"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_has_four_digits_and_no_power_of_ten_where_it_can_be_read(value: float | None, written: str) -> None:
    assert number(value) == written


def test_where_an_answer_is_an_error_statuses_and_errors_are_counted_by_their_names(tmp_path: Path) -> None:
    sides = [write(tmp_path / "a", [answer("x", [])]), write(tmp_path / "b", [failed("x", "ModelGone")])]
    (answers, *_) = sections(sparring.compare(*sides).totals, None, 9)
    assert {("status ok", "1", "0"), ("status error", "0", "1"), ("error ModelGone", "0", "1")} <= set(answers.rows)
