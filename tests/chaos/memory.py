"""How much memory each process of a stack takes, and the most it took."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import psutil

from schemas.limits import MIB
from sparring.stack import LocalStack

_LOOK_S: Final = 0.25
_GROWTH_MIB: Final = 1.0
"""Less is no growth."""


class Memory(threading.Thread):
    """Looks four times a second while its block runs. first, peak: MiB by process; a model's is `model name lane`."""

    def __init__(self, stack: LocalStack) -> None:
        super().__init__(daemon=True)
        self._stack = stack
        self._halt = threading.Event()
        self.first: Mapping[str, float] = _resident(stack)
        self.peak: dict[str, float] = dict(self.first)
        self._grew_s = time.monotonic()

    @property
    def grown(self) -> dict[str, float]:
        """From the first look to the peak; of who came later: its peak."""
        return {name: peak - self.first.get(name, 0.0) for name, peak in self.peak.items()}

    @property
    def still_s(self) -> float:
        """For how long nobody has grown beyond its peak."""
        return time.monotonic() - self._grew_s

    def run(self) -> None:
        while not self._halt.wait(_LOOK_S):
            for name, held in _resident(self._stack).items():
                peak = self.peak.get(name, 0.0)
                if held > peak + _GROWTH_MIB:
                    self._grew_s = time.monotonic()
                self.peak[name] = max(held, peak)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._halt.set()
        self.join()


def _resident(stack: LocalStack) -> dict[str, float]:
    held = {}
    for name, service in stack.processes.items():
        if service.pid is not None:
            # One may end while it is looked at.
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(service.pid)
                held[name] = process.memory_info().rss / MIB
                for child in process.children():
                    # One that has just ended has no command line, one that has just begun its parent's.
                    if "--model" in (command := child.cmdline()):
                        held[_model(command)] = child.memory_info().rss / MIB
    return held


def _model(command: list[str]) -> str:
    """Of `python -m workers inference --model WORKSPACE/NAME@VERSION --lane LANE`."""
    *_, model, _lane, lane = command
    return f"model {model.partition('@')[0]} {lane}"
