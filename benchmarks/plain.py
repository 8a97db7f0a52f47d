"""The plain loop: two threads in one process that decode and run, without any queue.

As a module it is that process: it reads numbers of frames from standard input, a line each, and
answers each with the seconds that they took. `PlainLoop` is the other end of the pipe.
"""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.work import THREADS, Job, Work


class PlainLoop:
    """A plain loop in a process of its own; use it in a `with` statement."""

    def __init__(self, job: Path) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.plain", str(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C reaches the benchmark alone, which closes the pipe.
            start_new_session=True,
        )

    def run(self, frames: int) -> float:
        """Seconds that so many frames took."""
        if self._child.stdin is None or self._child.stdout is None:
            raise RuntimeError("the plain loop was started without pipes")
        self._child.stdin.write(f"{frames}\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        if not answer:
            raise RuntimeError(f"the plain loop ended with exit code {self._child.wait()}; its error stands above")
        return float(answer)

    def processes(self) -> dict[str, psutil.Process]:
        """By their names in the report."""
        return {"plain loop": psutil.Process(self._child.pid)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.terminate()
        self._child.communicate()


def main(file: Path) -> None:
    """Answer until standard input closes."""
    job = Job.read(file)
    work = Work(job)
    for line in sys.stdin:
        frames = itertools.islice(itertools.cycle(job.frames), int(line))
        started_s = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as threads:
            for thread in [threads.submit(_run, work, frames) for _ in range(THREADS)]:
                thread.result()
        sys.stdout.write(f"{time.perf_counter() - started_s}\n")
        sys.stdout.flush()


def _run(work: Work, frames: Iterator[bytes]) -> None:
    # Both threads take from one iterator of C: the interpreter's lock makes each take whole.
    for frame in frames:
        work.do(frame)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
