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
from adapters.kafka.confirming_producer import ConfirmingProducer
from adapters.service import run_service
from adapters.settings import Settings

def run(settings, stop, monitor):
    producer = ConfirmingProducer(Brokers("127.0.0.1:1"))
    producer.send("topic", None, b"", [])
    print("flushing", flush=True)
    producer.flush(within_s=300.0)

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

OPENS_FILES_ONCE_TOLD = """
import signal, sys, tempfile, time
from adapters.service import run_service
from adapters.settings import Settings

heard = []

def run(settings, stop, monitor):
    print("running", flush=True)
    stop.wait()
    files = []
    for told in range(3):
        deadline_s = time.monotonic() + 60
        while signals < told + 1 and time.monotonic() < deadline_s:
            time.sleep(0.01)
        files += [tempfile.TemporaryFile() for _ in range(20)]
        print("told", told, flush=True)
    for file in files:
        file.seek(0, 2)
        assert file.tell() == 0, "a signal was written into it"

listening = signal.signal
signals = 0

def counting(signum, handler):
    def count(*of):
        global signals
        signals += 1
        return handler(*of)
    return listening(signum, count)

signal.signal = counting
sys.exit(run_service("router", Settings, run))
"""
CRASHES_BESIDE_A_THREAD = """
import sys, threading
from adapters.service import run_service
from adapters.settings import Settings

def run(settings, stop, monitor):
    threading.Thread(target=threading.Event().wait, args=(300,)).start()
    print("running", flush=True)
    raise RuntimeError("a bug")

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


def test_a_second_signal_reaches_no_file_of_the_service() -> None:
    with started(OPENS_FILES_ONCE_TOLD) as service:
        for told in range(3):
            service.send_signal(signal.SIGTERM)
            assert service.stdout is not None
            assert service.stdout.readline() == b"told %d\n" % told
        assert service.wait(60) == 0


def test_a_service_that_crashes_ends_in_time_though_a_thread_of_it_does_not() -> None:
    with started(CRASHES_BESIDE_A_THREAD) as service:
        assert service.wait(100) == 1
        assert service.stderr is not None
        assert "not at the end after" in service.stderr.read().decode()


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
