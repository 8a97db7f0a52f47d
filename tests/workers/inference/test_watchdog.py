"""A hanging run ends its process; a run that ends in time does not."""

import subprocess
import sys

import pytest

from workers.inference.watchdog import HUNG, Watchdog

PROGRAM = """
import sys, threading
from workers.inference.watchdog import Watchdog
watchdog = Watchdog(run_ms_max=500)
with watchdog.watching("a run", more_s=float(sys.argv[1])):
    threading.Event().wait(float(sys.argv[2]))
threading.Event().wait(1.5)
"""


@pytest.mark.parametrize(
    ("more_s", "takes_s", "status"),
    [("0", "600", HUNG), ("1", "600", HUNG), ("0", "0", 0), ("60", "2", 0)],
    ids=["a run", "with more time", "in time", "within the time that was added"],
)
def test_only_what_takes_longer_than_it_may_ends_the_process(more_s: str, takes_s: str, status: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, more_s, takes_s], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == status
    assert ("a run has run for more than" in ran.stderr) == (status == HUNG)


def test_each_run_of_one_piece_of_work_has_a_time_of_its_own() -> None:
    watchdog = Watchdog(run_ms_max=600_000)
    with watchdog.watching("a run"):
        ((first_at_s, what),) = watchdog._deadlines.values()  # noqa: SLF001 (what it acts by)
        watchdog.restart()
        ((second_at_s, same),) = watchdog._deadlines.values()  # noqa: SLF001
    assert second_at_s > first_at_s
    assert same == what
