"""What every service does around its work: settings, logs, monitor, signals, exit code."""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from adapters.logs import log_to_stderr
from adapters.monitor import Monitor
from adapters.settings import Settings
from schemas.errors import SettingError, SparringError
from schemas.presence import Kind

S = TypeVar("S", bound=Settings)

log = logging.getLogger(__name__)


def run_service(
    kind: Kind, settings_of: type[S], run: Callable[[S, threading.Event, Monitor], object], name: str = ""
) -> int:
    """Run until SIGTERM or SIGINT sets the event. Exit codes: 0 stopped, 2 a bad setting, 1 a crash:
    whoever started the process starts it again."""
    try:
        settings = settings_of.read()
        log_to_stderr(name or kind, settings.log_level)
        monitor = Monitor(settings.metrics, kind)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = monitor.stopping
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda _signum, _frame: stop.set())
    try:
        run(settings, stop, monitor)
    except SparringError as error:
        log.critical("the process ends: %s", error)
        return 1
    except Exception:
        log.critical("the process ends", exc_info=True)
        return 1
    finally:
        monitor.close()
    return 0
