"""What every service does around its work: settings, logs, signals, exit code."""

import signal
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from adapters.logs import log_to_stderr
from adapters.settings import Settings
from schemas.errors import SettingError

S = TypeVar("S", bound=Settings)


def run_service(name: str, settings_of: type[S], run: Callable[[S, threading.Event], object]) -> int:
    """Run until SIGTERM or SIGINT sets the event. Exit codes: 0 stopped, 2 a bad setting; an
    exception is a crash, and whoever started the process starts it again."""
    try:
        settings = settings_of.read()
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    log_to_stderr(name, settings.log_level)
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda _signum, _frame: stop.set())
    run(settings, stop)
    return 0
