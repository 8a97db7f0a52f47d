"""A table of the ten slowest files at the end of a run: seconds by the clock, and CPU seconds of all their processes.

A plugin of pytest. Under xdist each test process measures its own files, and the report of a file's last test carries
the figures to the controller. CPU seconds include the processes that this test process started: the
shared broker counts for the one that started it. SPARRING_TEST_SLOWEST is how many files are listed; 10 by default.
"""

import contextlib
import os
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import cast

import psutil
import pytest

_SHOWN = int(os.environ.get("SPARRING_TEST_SLOWEST", "10"))
_KEY = "seconds of the file"


def _cpu_s() -> float:
    """CPU seconds of this process and its descendants, living or reaped by those that live."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    total = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    for child in psutil.Process(os.getpid()).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


class Stopwatch:
    """Measures from the end of one file to the end of the next: what a file's fixtures take belongs to it."""

    def __init__(self) -> None:
        self._clock_s = time.monotonic()
        self._cpu_s = _cpu_s()
        self._next_path: Path | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: "pytest.CallInfo[None]"
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown" and self._next_path != item.path:
            clock_s, cpu_s = time.monotonic(), _cpu_s()
            # A process that ended unreaped takes its seconds with it: never less than nothing.
            figures = (clock_s - self._clock_s, max(0.0, cpu_s - self._cpu_s))
            report.user_properties.append((_KEY, figures))
            self._clock_s, self._cpu_s = clock_s, cpu_s
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, nextitem: pytest.Item | None) -> None:
        self._next_path = None if nextitem is None else nextitem.path


class Table:
    """Adds up what the reports carry, and prints it."""

    def __init__(self) -> None:
        self._clock_s: defaultdict[str, float] = defaultdict(float)
        self._cpu_s: defaultdict[str, float] = defaultdict(float)
        self._tests: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self._tests[file] += report.when == "call"
        for key, value in report.user_properties:
            if key == _KEY and report.when == "teardown":
                clock_s, cpu_s = cast("tuple[float, float]", value)
                self._clock_s[file] += clock_s
                self._cpu_s[file] += cpu_s

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if len(self._tests) <= 1:
            return
        terminalreporter.section(f"the {_SHOWN} slowest of {len(self._tests)} files")
        terminalreporter.write_line(f"{'seconds':>8} {'CPU s':>8} {'tests':>6}  file")
        slowest = sorted(self._clock_s.items(), key=lambda entry: -entry[1])
        for file, clock_s in slowest[:_SHOWN]:
            terminalreporter.write_line(f"{clock_s:8.1f} {self._cpu_s[file]:8.1f} {self._tests[file]:6}  {file}")
        terminalreporter.write_line(
            f"{sum(self._clock_s.values()):8.1f} {sum(self._cpu_s.values()):8.1f} "
            f"{sum(self._tests.values()):6}  all files, test processes added up"
        )


def pytest_configure(config: pytest.Config) -> None:
    """The stopwatch runs where tests run, the table where reports meet."""
    worker = hasattr(config, "workerinput")
    if worker or not config.getoption("numprocesses", None):
        config.pluginmanager.register(Stopwatch())
    if not worker:
        config.pluginmanager.register(Table())
