"""The rounds: plain, bare and whole in turns, then evenly spaced frames through both queues."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.bare import BareQueue
from benchmarks.cpu import CpuClock
from benchmarks.material import Material
from benchmarks.numbers import WAYS, Latency, Pass, Way, turns
from benchmarks.plain import PlainLoop
from benchmarks.stream import Stream
from benchmarks.whole import WholeSystem
from benchmarks.work import THREADS, Job
from sparring.stack import LocalStack

RATE_PER_S: Final = 10.0
"""Evenly spaced frames: no queue builds up, latency alone is seen."""

_WARM_FRAMES: Final = 40
_ENVIRONMENT: Final = {
    "SPARRING_INFERENCE_THREADS": str(THREADS),
    # Thousands of answers need not pile up in memory.
    "SPARRING_RESULT_TTL_S": "20",
}


@dataclass(frozen=True)
class Plan:
    """frames_max: of one pass; it takes fewer where they would take longer than pass_s_max."""

    rounds: int
    frames_max: int
    pass_s_max: float
    spaced_frames: int


@dataclass(frozen=True)
class Measured:
    """passes: as fast as it goes. spaced: latencies of all rounds together."""

    passes: list[Pass]
    spaced: dict[Way, list[Latency]]


def measure(plan: Plan, material: Material, folder: Path, report: Callable[[str], None]) -> Measured:
    """Start everything in an empty folder, take all rounds, end everything."""
    with LocalStack(folder / "stack", allow_python=True, environment=_ENVIRONMENT, report=report) as stack:
        report("deploying")
        whole = WholeSystem(stack, material)
        job = Job(stack.store, whole.path, material.frames).write(folder / "job")
        with (
            PlainLoop(job) as plain,
            BareQueue(stack, job) as bare,
            closing(bare.stream()) as through_bare,
            closing(whole.stream()) as through_whole,
        ):
            system = whole.processes()
            this = {"this benchmark": psutil.Process()}
            processes: dict[Way, dict[str, psutil.Process]] = {
                "plain": plain.processes(),
                "bare": {"kafka": system["kafka"]} | bare.processes() | this,
                "whole": system | this,
            }
            streams: dict[Way, Stream] = {"bare": through_bare, "whole": through_whole}
            return _Rounds(plain, streams, processes, material.frames, report).take(plan)


@dataclass(frozen=True)
class _Rounds:
    plain: PlainLoop
    streams: Mapping[Way, Stream]
    processes: Mapping[Way, Mapping[str, psutil.Process]]
    frames: Sequence[bytes]
    report: Callable[[str], None]

    def take(self, plan: Plan) -> Measured:
        """All rounds. Passes that only warm up are not counted."""
        self.report("warming up")
        fps = self._pass("plain", 0, _WARM_FRAMES).fps
        frames = min(plan.frames_max, max(_WARM_FRAMES, round(fps * plan.pass_s_max)))
        for way in WAYS:
            self._pass(way, 0, frames)
        passes = []
        spaced: dict[Way, list[Latency]] = {"bare": [], "whole": []}
        for number in range(plan.rounds):
            for way in turns(number):
                passes.append(self._pass(way, number, frames))
                self.report(f"round {number + 1} of {plan.rounds}: {way} {passes[-1].fps:.1f} frames/s")
            for way, stream in self.streams.items():
                spaced[way] += stream.pace(self.frames, plan.spaced_frames, RATE_PER_S)
        return Measured(passes, spaced)

    def _pass(self, way: Way, number: int, frames: int) -> Pass:
        clock = CpuClock({name: one for some in self.processes.values() for name, one in some.items()})
        seconds = self.plain.run(frames) if way == "plain" else self.streams[way].flood(self.frames, frames)
        spent, other_cpu_s = clock.seconds()
        cpu_s = {name: spent.pop(name) for name in self.processes[way]}
        return Pass(way, number, frames, seconds, cpu_s, idle_cpu_s=spent, other_cpu_s=other_cpu_s)
