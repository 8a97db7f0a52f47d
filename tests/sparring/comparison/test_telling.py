"""How numbers are written for people."""

import pytest

from sparring.comparison.telling import number


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
