"""`make fuzz`: ten thousand bad frames to a system of its own; which were refused how, and what memory it took."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.settings import Settings
from sparring import Client
from sparring.stack import LocalStack
from tests.fuzz.corpus import corpus
from tests.fuzz.run import Outcome, fuzz

_WIDTH_MIN = 140


def main() -> int:
    """Exit code 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000, help="default 10,000")
    parser.add_argument("--seed", type=int, default=secrets.randbits(31), help="default by chance; it is printed")
    parsed = parser.parse_args()
    console = Console(width=max(_WIDTH_MIN, Console().width))
    console.print(f"seed: {parsed.seed} (repeat with --seed {parsed.seed})")
    with (
        tempfile.TemporaryDirectory(prefix="sparring-fuzz-") as folder,
        LocalStack(Path(folder) / "stack") as stack,
        Client(Settings.read(stack.environment())) as client,
        Progress(console=Console(stderr=True)) as progress,
    ):
        bar = progress.add_task("frames answered", total=parsed.frames)
        frames = corpus(parsed.seed, parsed.frames)
        outcome = fuzz(stack, client, Path(folder), frames, lambda count: progress.update(bar, completed=count))
    console.print(_answers(outcome))
    console.print(_memory(outcome))
    failures = outcome.failures()
    for line in failures[:50]:
        console.print(line, style="red", highlight=False)
    console.print(f"{len(outcome.frames):,} frames, {len(failures)} failures")
    return 1 if failures else 0


def _answers(outcome: Outcome) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("kind", no_wrap=True)
    shown.add_column("frames", justify="right")
    shown.add_column("answered")
    for kind, said in outcome.said().items():
        shown.add_row(kind, f"{said.total():,}", ", ".join(f"{what} {count}" for what, count in said.most_common()))
    return shown


def _memory(outcome: Outcome) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("process", no_wrap=True)
    shown.add_column("most MiB", justify="right")
    for name, mib in outcome.peak_mib.items():
        shown.add_row(name, f"{mib:.0f}")
    return shown


if __name__ == "__main__":
    sys.exit(main())
