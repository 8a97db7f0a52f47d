"""`make chaos`: every fault, many times, from a printed seed, and a minute of backpressure; tables at the end."""

import argparse
import secrets
import statistics
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.chaos.backpressure import press
from tests.chaos.grounds import GROUNDS, NAMES, Ground
from tests.chaos.round import Round, play

_KEPT = Path(".sparring/chaos")
"""Of rounds that did not hold."""

_WIDTH_MIN = 120
"""Characters: a table in a log file is not cut."""


BACKPRESSURE: Final = "backpressure"
"""What `--only` calls the part that is no fault."""


def main() -> int:
    """Exit code 1 where a round did not hold, or backpressure did not."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of each fault; default 20")
    parser.add_argument("--seed", type=int, default=secrets.randbits(31), help="default by chance; it is printed")
    parser.add_argument(
        "--only", action="append", choices=sorted((*NAMES, BACKPRESSURE)), help="this alone; may be repeated"
    )
    parser.add_argument(
        "--rush", type=float, default=60.0, metavar="SECONDS", help="of backpressure; default 60, and ten times as long"
    )
    parsed = parser.parse_args()
    console = Console(width=max(_WIDTH_MIN, Console().width))
    console.print(f"seed: {parsed.seed} (repeat with --seed {parsed.seed})")
    chosen = parsed.only or (*NAMES, BACKPRESSURE)
    held = [_faults(console, chosen, range(parsed.seed, parsed.seed + parsed.rounds))]
    if BACKPRESSURE in chosen:
        held.append(_backpressure(console, parsed.rush))
    return 0 if all(held) else 1


def _faults(console: Console, chosen: Collection[str], seeds: Iterable[int]) -> bool:
    """Whether every round held. Whatever ends it, what was played is told."""
    played: list[Round] = []
    try:
        for ground in GROUNDS:
            for done in _played(ground, [fault for fault in ground.faults if fault in chosen], seeds):
                played.append(done)
                _tell(console, done)
    finally:
        if played:
            console.print(_table(played))
    return all(one.held for one in played)


def _tell(console: Console, done: Round) -> None:
    console.print(_line(done), highlight=False, soft_wrap=True)
    for finding in [*([done.failure] if done.failure else []), *done.report.findings[:5]]:
        console.print(f"  {finding}", highlight=False, soft_wrap=True)
    if not done.held:
        console.print(f"  logs and answers: {_kept(done.fault, done.seed)}", highlight=False, soft_wrap=True)


def _backpressure(console: Console, rush_s: float) -> bool:
    """Whether it held."""
    with tempfile.TemporaryDirectory(prefix="sparring-press-") as folder:
        done = press(Path(folder), rush_s)
    failures = done.failures()
    console.print(f"{BACKPRESSURE}, {rush_s:g} s: {'NOT HELD' if failures else 'held'}", highlight=False)
    console.print(done.table())
    for line in (str(done), *failures):
        console.print(line, highlight=False, soft_wrap=True)
    return not failures


def _played(ground: Ground, faults: Sequence[str], seeds: Iterable[int]) -> Iterator[Round]:
    if not faults:
        return
    with tempfile.TemporaryDirectory(prefix="sparring-chaos-") as folder, ground.open(Path(folder)) as arena:
        for seed in seeds:
            for fault in faults:
                yield play(arena, fault, ground.faults[fault], seed, keep_in=_kept(fault, seed))


def _kept(fault: str, seed: int) -> Path:
    return _KEPT / f"{fault.replace(' ', '-')}-{seed}"


def _line(done: Round) -> str:
    said = "held" if done.held else f"NOT HELD, {len(done.report.findings)} findings, {done.frames} frames seen"
    twice = f" ({done.twice} of them twice on their topic)" if done.twice else ""
    return (
        f"{done.fault:36} seed {done.seed}: {said}; {done.confirmed} frames{twice}, {done.expired} expired, "
        f"{_duplicates(done)} duplicates, silence {done.silence_s:.1f} s, settled {done.settled_s:.1f} s"
    )


def _duplicates(done: Round) -> int:
    return done.report.counts["duplicates on results"] + done.report.counts["duplicates on shadows"]


def _table(played: Sequence[Round]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("fault", "tried", "held", "frames", "expired", "duplicates", "silence p50 s", "silence max s"):
        shown.add_column(title, justify="left" if title == "fault" else "right", no_wrap=True)
    for fault in dict.fromkeys(one.fault for one in played):
        rounds = [one for one in played if one.fault == fault]
        silences = [one.silence_s for one in rounds]
        shown.add_row(
            fault,
            str(len(rounds)),
            str(sum(one.held for one in rounds)),
            f"{sum(one.confirmed for one in rounds):,}",
            f"{sum(one.expired for one in rounds):,}",
            str(sum(_duplicates(one) for one in rounds)),
            f"{statistics.median(silences):.1f}",
            f"{max(silences):.1f}",
        )
    return shown


if __name__ == "__main__":
    sys.exit(main())
