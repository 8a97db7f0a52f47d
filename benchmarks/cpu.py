"""CPU seconds by process, from one look to the next."""

from collections.abc import Mapping

import psutil


class CpuClock:
    """Starts counting when it is made. processes: those whose seconds are shown; the rest of the machine
    is counted together."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._processes = dict(processes)
        self._before = {name: _seconds(process) for name, process in self._processes.items()}
        self._machine_before_s = _machine_seconds()

    def seconds(self) -> tuple[dict[str, float], float]:
        """CPU seconds of each process since the start, and those of everything else on this machine."""
        spent = {name: _seconds(process) - self._before[name] for name, process in self._processes.items()}
        everything = _machine_seconds() - self._machine_before_s
        return spent, max(0.0, everything - sum(spent.values()))


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _machine_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
