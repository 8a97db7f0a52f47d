"""What was measured, and what follows from it: medians, ratios within a round, percentiles. Pure."""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Literal

import msgspec

Way = Literal["plain", "bare", "whole"]
WAYS: tuple[Way, ...] = ("plain", "bare", "whole")


class Pass(msgspec.Struct, frozen=True):
    """One way, once, as fast as it goes.

    CPU seconds: cpu_s by process of this way, idle_cpu_s by process of the ways that wait for their
    turn, other_cpu_s of everything else on the machine.
    """

    way: Way
    round: int
    frames: int
    seconds: float
    cpu_s: dict[str, float]
    idle_cpu_s: dict[str, float]
    other_cpu_s: float

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds of one frame. work: decode and inference as its answer says; results, index: from produce
    to the answer on the topic, and in Redis."""

    work_ms: float
    results_ms: float
    index_ms: float | None = None

    @property
    def added_ms(self) -> float:
        """What the queue adds to decode and inference."""
        return self.results_ms - self.work_ms


class Spread(msgspec.Struct, frozen=True):
    """The median of some rounds, and between what they lie."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """At least one value."""
        ordered = sorted(values)
        return cls(median(ordered), ordered[0], ordered[-1])


def turns(round_number: int) -> tuple[Way, ...]:
    """The ways in the order of one round: each round begins with another, so that none is always first."""
    start = round_number % len(WAYS)
    return WAYS[start:] + WAYS[:start]


def fps(passes: Sequence[Pass], way: Way) -> Spread:
    """Frames per second of one way."""
    return Spread.of(one.fps for one in passes if one.way == way)


def ratio(passes: Sequence[Pass], way: Way, to: Way) -> Spread:
    """Frames per second of one way over those of another in the same round."""
    by_round = {(one.way, one.round): one.fps for one in passes}
    rounds = [number for name, number in by_round if name == way and (to, number) in by_round]
    return Spread.of(by_round[way, number] / by_round[to, number] for number in rounds)


def cpu_ms_per_frame(passes: Sequence[Pass], way: Way) -> dict[str, float]:
    """The median of a frame's CPU milliseconds, by process."""
    mine = [one for one in passes if one.way == way]
    return {name: median(one.cpu_s[name] / one.frames * 1000 for one in mine) for name in mine[0].cpu_s}


def all_cpu_ms_per_frame(passes: Sequence[Pass], way: Way) -> Spread:
    """A frame's CPU milliseconds in all processes of one way: what counts where every core is busy."""
    return Spread.of(sum(one.cpu_s.values()) / one.frames * 1000 for one in passes if one.way == way)


def cpu_ratio(passes: Sequence[Pass], way: Way, to: Way) -> float:
    """Frames per CPU second of one way over those of another: what frames per second would be on a machine
    that does nothing else."""
    return all_cpu_ms_per_frame(passes, to).median / all_cpu_ms_per_frame(passes, way).median


def idle_cpu_ms_per_s(passes: Sequence[Pass]) -> dict[str, float]:
    """CPU milliseconds a second of what waits while the plain loop runs; the median, by process."""
    beside = [one for one in passes if one.way == "plain"]
    return {name: median(one.idle_cpu_s[name] / one.seconds * 1000 for one in beside) for name in beside[0].idle_cpu_s}


def other_cores(passes: Sequence[Pass], way: Way) -> float:
    """How many cores everything else on the machine took meanwhile; the median."""
    return median(one.other_cpu_s / one.seconds for one in passes if one.way == way)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not below `percent` of all (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
