"""What every service does around its work: settings, logs, monitor, signals, exit code.

A signal and its deadline have threads of their own: the main thread may be in a call of librdkafka, which no signal
interrupts, and which waits half a minute for a silent broker.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from adapters.logs import log_to_stderr
from adapters.monitor import Monitor
from adapters.settings import Settings
from schemas.errors import SettingError, SparringError
from schemas.limits import HOST_STOP_S_MAX, STOP_S_MAX
from schemas.presence import ProcessKind

S = TypeVar("S", bound=Settings)

log = logging.getLogger(__name__)

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


def run_service(
    kind: ProcessKind, settings_of: type[S], run: Callable[[S, threading.Event, Monitor], object], name: str = ""
) -> int:
    """Run until SIGTERM or SIGINT sets the event. Exit codes: 0 stopped, 2 a bad setting, 1 a crash, or not at its end
    STOP_S_MAX after it was told to stop: whoever started the process starts it again."""
    try:
        settings = settings_of.read()
        log_to_stderr(name or kind, settings.log_level)
        monitor = Monitor(settings.metrics, kind)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = monitor.stopping
    _wait_for_signal(stop)
    within_s = HOST_STOP_S_MAX if kind == "host" else STOP_S_MAX
    threading.Thread(target=_end_late, args=(stop, within_s), name="last resort", daemon=True).start()
    try:
        run(settings, stop, monitor)
    except SparringError as error:
        log.critical("the process ends: %s", error)
        return 1
    except Exception:
        log.critical("the process ends", exc_info=True)
        return 1
    finally:
        stop.set()  # a crash has the same deadline: what librdkafka is left with waits for its broker, too
        monitor.close()
    return 0


def _wait_for_signal(stop: threading.Event) -> None:
    """SIGTERM and SIGINT set the event, whatever the main thread is doing."""
    ear, mouth = socket.socketpair()
    mouth.settimeout(0)  # as `set_wakeup_fd` wants it
    signal.set_wakeup_fd(mouth.fileno())
    for signum in _STOPS:
        signal.signal(signum, lambda _signum, _frame: None)

    def listen(_kept_open: socket.socket) -> None:
        while True:  # to the process's end: each signal writes a byte, into whatever has the number of `mouth`
            if ear.recv(1)[0] in _STOPS:
                stop.set()

    threading.Thread(target=listen, args=(mouth,), name="signals", daemon=True).start()


def _end_late(stop: threading.Event, within_s: float) -> None:
    """In a daemon thread, which is there until the last other one has ended: Faust's waits half a minute for a silent
    broker."""
    stop.wait()
    time.sleep(within_s)
    log.critical("not at the end after %s s: what is not committed is done again", within_s)
    os._exit(1)
