"""What was measured, as tables for people and as JSON for everyone else."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine
from benchmarks.measure import RATE_PER_S, Measured
from benchmarks.numbers import (
    WAYS,
    Latency,
    Spread,
    Way,
    all_cpu_ms_per_frame,
    cpu_ms_per_frame,
    cpu_ratio,
    fps,
    idle_cpu_ms_per_s,
    other_cores,
    percentile,
    ratio,
)

RATIO_AIM: Final = 0.9
ADDED_MS_AIM: Final = 8.0

_SAID: Final[dict[Way, str]] = {
    "plain": "plain loop",
    "bare": "bare queue",
    "whole": "whole system",
}


def show(measured: Measured, machine: Machine, said: str, console: Console) -> None:
    """Print everything."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    console.print(f"{machine.cpu}, {machine.cores} cores, load {machine.load:.1f}; {machine.system}", highlight=False)
    console.print(versions, highlight=False)
    console.print(said, highlight=False)
    for table in (_throughput(measured), _cpu(measured), _latency(measured)):
        console.print()
        console.print(table)
    console.print()
    for line in _aims(measured):
        console.print(line, highlight=False)


def save(measured: Measured, machine: Machine, said: str, path: Path) -> None:
    """Every pass and every latency, as they were measured."""
    everything = {"machine": machine, "material": said, "passes": measured.passes, "spaced": measured.spaced}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(everything), indent=1))


def _throughput(measured: Measured) -> Table:
    passes = measured.passes
    table = Table(title=f"As fast as it goes: medians of {len(passes) // len(WAYS)} rounds (lowest to highest)")
    for column in ("", "frames/s", "of bare", "of plain", "CPU ms a frame", "others' cores"):
        table.add_column(column, justify="right" if column else "left")
    for way in WAYS:
        against = [ratio(passes, way, to) if way != to else None for to in ("bare", "plain")]
        shown = [_spread(one, 2) if one is not None else "" for one in against]
        cpu = _spread(all_cpu_ms_per_frame(passes, way), 1)
        table.add_row(_SAID[way], _spread(fps(passes, way), 1), *shown, cpu, f"{other_cores(passes, way):.2f}")
    return table


def _cpu(measured: Measured) -> Table:
    spent = {way: cpu_ms_per_frame(measured.passes, way) for way in WAYS}
    idle = idle_cpu_ms_per_s(measured.passes)
    table = Table(title="CPU milliseconds by process")
    for column in ("", *(f"{way}, a frame" for way in WAYS), "idle, a second"):
        table.add_column(column, justify="right" if column else "left")
    for name in dict.fromkeys(name for way in WAYS for name in spent[way]):
        table.add_row(name, *(_ms(spent[way].get(name)) for way in WAYS), _ms(idle.get(name)))
    return table


def _latency(measured: Measured) -> Table:
    frames = len(measured.spaced["whole"])
    table = Table(title=f"{frames} evenly spaced frames, {RATE_PER_S:.0f} a second: milliseconds, p50 / p99")
    for column in ("", "decode + infer", "to results", "added", "to Redis", "added to Redis"):
        table.add_column(column, justify="right" if column else "left")
    for way, latencies in measured.spaced.items():
        table.add_row(
            _SAID[way],
            _p(one.work_ms for one in latencies),
            _p(one.results_ms for one in latencies),
            _p(one.added_ms for one in latencies),
            *(_p(values) for values in _to_index(latencies)),
        )
    return table


def _to_index(latencies: list[Latency]) -> tuple[list[float], list[float]]:
    known = [(one.index_ms, one.index_ms - one.work_ms) for one in latencies if one.index_ms is not None]
    return [whole for whole, _added in known], [added for _whole, added in known]


def _aims(measured: Measured) -> list[str]:
    reached = ratio(measured.passes, "whole", "bare").median
    by_cpu = cpu_ratio(measured.passes, "whole", "bare")
    added = percentile([one.added_ms for one in measured.spaced["whole"]], 50)
    met = {True: "met", False: "not met"}
    return [
        f"aim: {RATIO_AIM} of the bare loop's frames per second: {reached:.2f}, {met[reached >= RATIO_AIM]}",
        f"     by CPU seconds, whatever else ran on this machine: {by_cpu:.2f}",
        f"aim: {ADDED_MS_AIM:.0f} ms over decode and inference, p50: {added:.1f}, {met[added <= ADDED_MS_AIM]}",
    ]


def _spread(one: Spread, digits: int) -> str:
    return f"{one.median:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _p(values: Iterable[float]) -> str:
    taken = list(values)
    return f"{percentile(taken, 50):.1f} / {percentile(taken, 99):.1f}" if taken else ""
