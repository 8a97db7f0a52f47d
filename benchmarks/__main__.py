"""`make bench`, or `python -m benchmarks [--short] [--rounds N] [--frames N] [--json FILE]`."""

import argparse
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.machine import this_machine
from benchmarks.material import find_material
from benchmarks.measure import Plan, measure
from benchmarks.report import save, show
from benchmarks.stream import StreamError
from schemas.errors import SparringError

DEFAULT: Final = Plan(rounds=9, frames_max=200, pass_s_max=4.0, spaced_frames=40)
SHORT: Final = Plan(rounds=3, frames_max=100, pass_s_max=2.5, spaced_frames=25)


def main() -> int:
    """0: measured. 1: something did not work; it says what."""
    arguments = _arguments()
    plan = SHORT if arguments.short else DEFAULT
    plan = replace(plan, rounds=arguments.rounds or plan.rounds, frames_max=arguments.frames or plan.frames_max)
    console = Console()
    machine = this_machine()
    signal.signal(signal.SIGTERM, lambda _signum, _frame: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="sparring-bench-") as folder:
        material = find_material()
        try:
            measured = measure(
                plan, material, Path(folder), lambda line: console.print(line, style="dim", highlight=False)
            )
        except (SparringError, StreamError) as error:
            Console(stderr=True).print(f"bench: {error}", highlight=False)
            return 1
        except KeyboardInterrupt:
            return 130
    show(measured, machine, material.said, console)
    if arguments.json is not None:
        save(measured, machine, material.said, arguments.json)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="The whole system beside a plain loop and a bare queue."
    )
    parser.add_argument("--short", action="store_true", help="about a minute instead of about three")
    parser.add_argument("--rounds", type=_at_least_one, help=f"default {DEFAULT.rounds}, short {SHORT.rounds}")
    parser.add_argument(
        "--frames",
        type=_at_least_one,
        help=f"of each way in each round, at most; default {DEFAULT.frames_max}, short {SHORT.frames_max}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement there")
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}; expected at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
