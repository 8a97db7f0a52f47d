"""A process that stands still for a while: frozen, not ended."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.waiting import eventually


def freeze(pid: int) -> None:
    """Stop the process; returns once it stands still: a signal is sent before the last thread has heard of it."""
    process = psutil.Process(pid)
    process.send_signal(signal.SIGSTOP)
    eventually(lambda: _states(process) == {psutil.STATUS_STOPPED}, 60, f"every thread of process {pid} to stop")


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process stands still while the block runs."""
    try:
        freeze(pid)
        yield
    finally:
        psutil.Process(pid).send_signal(signal.SIGCONT)


def _states(process: psutil.Process) -> set[str]:
    try:
        return {psutil.Process(thread.id).status() for thread in process.threads()}
    except psutil.NoSuchProcess:
        return set()  # a thread has just ended: it is not still yet
