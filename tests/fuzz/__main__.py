"""`make fuzz`: ten thousand bad frames to a system of its own; which were refused how, and what memory it took. Before
them three thousand random models with tables, and as many with pictures: was each answered rightly, or refused?"""

import argparse
import secrets
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from adapters.settings import Settings
from sparring import Client
from sparring.stack import LocalStack
from tests.fuzz.corpus import corpus
from tests.fuzz.models import fuzz_models
from tests.fuzz.pictures import fuzz_pictures
from tests.fuzz.run import Outcome, fuzz

_WIDTH_MIN = 140


def main() -> int:
    """Exit code 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, help="default 10,000; 0 where only models are asked for")
    parser.add_argument(
        "--models",
        type=int,
        help="paths of one or two random models, with five requests each; "
        "default 3,000; 0 where only frames are asked for",
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first path of models; default 0")
    parser.add_argument("--seed", type=int, default=secrets.randbits(31), help="default by chance; it is printed")
    parsed = parser.parse_args()
    console = Console(width=max(_WIDTH_MIN, Console().width))
    console.print(f"seed: {parsed.seed} (repeat with --seed {parsed.seed})")
    neither = parsed.frames is None and parsed.models is None
    models, frames = (3_000, 10_000) if neither else (parsed.models or 0, parsed.frames or 0)
    failures = _models(console, parsed.seed, models, parsed.first) if models else []
    failures += _frames(console, parsed.seed, frames) if frames else []
    return 1 if failures else 0


def _models(console: Console, seed: int, count: int, first: int) -> list[str]:
    """As many models with tables, and as many with pictures."""
    wrong = []
    for what, run in (("models with tables", fuzz_models), ("models with pictures", fuzz_pictures)):
        with Progress(console=Console(stderr=True)) as progress:
            report = run(seed, count, first, partial(_advance, progress, progress.add_task(what, total=count)))
        for kind, requests in sorted(report.requests.items()):
            console.print(f"{kind}: {requests:,}", highlight=False)
        for page in report.wrong[:20]:
            console.print(f"\n{page}", style="red", highlight=False, markup=False)
        console.print(f"{report.requests.total():,} requests to random {what}, {len(report.wrong)} failures")
        wrong += report.wrong
    return wrong


def _advance(progress: Progress, bar: TaskID, done: int) -> None:
    progress.update(bar, completed=done)


def _frames(console: Console, seed: int, count: int) -> list[str]:
    with (
        tempfile.TemporaryDirectory(prefix="sparring-fuzz-") as folder,
        LocalStack(Path(folder) / "stack") as stack,
        Client(Settings.read(stack.environment())) as client,
        Progress(console=Console(stderr=True)) as progress,
    ):
        bar = progress.add_task("frames answered", total=count)
        frames = corpus(seed, count)
        outcome = fuzz(stack, client, Path(folder), frames, lambda count: progress.update(bar, completed=count))
    console.print(_answers(outcome))
    console.print(_memory(outcome))
    failures = outcome.failures()
    for line in failures[:50]:
        console.print(line, style="red", highlight=False)
    console.print(f"{len(outcome.frames):,} frames, {len(failures)} failures")
    return failures


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
