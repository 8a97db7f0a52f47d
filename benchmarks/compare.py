"""`python -m benchmarks.compare [--results N] [--folder DIR]`: two simulated datasets of N results each, compared.

Prints how long it took and the most memory that the process had.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.machine import this_machine
from benchmarks.simulated import write_results
from schemas.limits import MIB
from sparring.comparison.compare import compare

SMALL: Final = 200_000
LARGE: Final = 10_000_000


def main() -> int:
    """0: compared."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description="Two simulated datasets compared."
    )
    parser.add_argument(
        "--results", type=int, default=SMALL, metavar="N", help=f"of each side; {LARGE:,} is what we aim at"
    )
    parser.add_argument("--folder", type=Path, help="where they are written and left; default a folder that is removed")
    arguments = parser.parse_args()
    console, machine = Console(), this_machine()
    console.print(f"{machine.cpu}, {machine.cores} cores, load {machine.load:.1f}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="sparring-bench-") as temporary:
        _measure(arguments.folder or Path(temporary), arguments.results, console)
    return 0


def _measure(folder: Path, count: int, console: Console) -> None:
    started_s = time.monotonic()
    for name, seed in (("a", 1), ("b", 2)):
        if not (folder / name).exists():
            write_results(folder / name, count, f"model-{name}", seed, missing=0.001)
    stored = sum(path.stat().st_size for name in "ab" for path in (folder / name).rglob("*.parquet"))
    console.print(f"written: {count:,} results twice, {stored / MIB:,.0f} MiB, {time.monotonic() - started_s:.1f} s")
    before = _peak_mib()
    started_s, spent_s = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="sparring-pairs-", dir=folder) as pairs:
        found = compare(folder / "a", folder / "b", out=pairs, progress=_Phases(console))
    wall_s, cpu_s = time.monotonic() - started_s, time.process_time() - spent_s
    totals, boxes = found.totals, found.totals["boxes"]
    console.print(
        f"compared: {totals['pairs']:,} pairs, {boxes['matched']:,} of {boxes['a']:,} boxes of A matched; "
        f"{wall_s:.1f} s, {totals['pairs'] / wall_s:,.0f} pairs/s, {cpu_s:.1f} s of CPU",
        highlight=False,
    )
    console.print(f"memory: {_peak_mib():,.0f} MiB at most (before comparing {before:,.0f} MiB)", highlight=False)


class _Phases:
    """A line as each part begins and ends."""

    def __init__(self, console: Console) -> None:
        self._console, self._what, self._started_s, self._said = console, "", time.monotonic(), False

    def __call__(self, what: str, done: int, whole: int) -> None:
        if what != self._what:
            self._what, self._started_s, self._said = what, time.monotonic(), False
        if done >= whole and not self._said:
            self._said = True
            self._console.print(f"  {what}: {time.monotonic() - self._started_s:.1f} s", highlight=False)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


if __name__ == "__main__":
    sys.exit(main())
