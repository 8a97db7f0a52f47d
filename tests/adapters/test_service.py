"""A service that is told to stop ends in time, whatever it is doing."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from schemas.limits import HOST_STOP_S_MAX, STOP_S_MAX
from sparring.stack.process import END_S_MAX

WAITS_FOR_A_SILENT_BROKER = """
import sys
from adapters.brokers import Brokers
from adapters.kafka.outbox import Outbox
from adapters.service import run_service
from adapters.settings import Settings

def run(settings, stop, monitor):
    outbox = Outbox(Brokers("127.0.0.1:1"))
    outbox.send("topic", None, b"", [])
    print("flushing", flush=True)
    outbox.flush(within_s=300.0)

sys.exit(run_service("router", Settings, run))
"""
LISTENS = """
import sys
from adapters.service import run_service
from adapters.settings import Settings

def run(settings, stop, monitor):
    print("running", flush=True)
    while not stop.wait(0.1):
        pass

sys.exit(run_service("router", Settings, run))
"""


@contextmanager
def started(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """Once it has said its first word; killed at the end, should it still run."""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_ends_with_zero(told: signal.Signals) -> None:
    with started(LISTENS) as service:
        service.send_signal(told)
        assert service.wait(60) == 0


def test_a_service_that_waits_for_a_silent_broker_hears_that_it_is_to_stop_and_ends_in_time() -> None:
    with started(WAITS_FOR_A_SILENT_BROKER) as service:
        told_s = time.monotonic()
        service.terminate()
        assert service.wait(120) == 1
        ended_s = time.monotonic() - told_s
        assert service.stderr is not None
        assert "not at the end after" in service.stderr.read().decode()
    assert STOP_S_MAX - 1 < ended_s < 100, "the broker would have been waited for three times as long"


def test_a_host_ends_after_its_model_processes_and_before_a_local_stack_kills_it() -> None:
    assert STOP_S_MAX < HOST_STOP_S_MAX < END_S_MAX
