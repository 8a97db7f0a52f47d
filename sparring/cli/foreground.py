"""A stack in the foreground: one status line per process, until Ctrl-C or SIGTERM."""

import sys
import time
from typing import Final

from rich.console import Group
from rich.live import Live
from rich.text import Text

from sparring.cli import out
from sparring.cli.interrupt import interrupted_once
from sparring.cli.tables import console, mib, table
from sparring.stack.stack import LocalStack
from sparring.stack.status import memory_bytes

REFRESH_S: Final = 1.0


def say(line: str) -> None:
    """One line of progress."""
    out.say(line)
    sys.stdout.flush()


def run_in_foreground(stack: LocalStack) -> None:
    """Start the stack, show its status, stop it on Ctrl-C.

    Raises:
        StackError: when it cannot start.
    """
    with interrupted_once():
        try:
            with stack:
                say(f"ready: kafka {stack.kafka}  redis {stack.redis}  data {stack.data}")
                _show(stack)
        except KeyboardInterrupt:
            say(f"stopped; the data stays in {stack.data}")


def _show(stack: LocalStack) -> None:
    if sys.stdout.isatty():
        _show_table(stack)
    else:
        _print_changes(stack)


def _show_table(stack: LocalStack) -> None:
    with Live(console=console(), auto_refresh=False, transient=True) as live:
        while True:
            rows = table("process", "state", "pid ", "memory ", "restarts ", "log")
            for process in stack.processes.values():
                pid = process.pid
                rows.add_row(
                    process.name,
                    process.state,
                    str(pid or "-"),
                    mib(memory_bytes(pid) if pid else None),
                    str(process.restarts),
                    str(process.log.relative_to(stack.data)),
                )
            live.update(Group(rows, Text("Ctrl-C stops everything", style="dim")), refresh=True)
            time.sleep(REFRESH_S)


def _print_changes(stack: LocalStack) -> None:
    """For a log file: a line when a process changes, nothing otherwise."""
    shown: dict[str, str] = {}
    while True:
        for process in stack.processes.values():
            line = f"{process.name}: {process.state}, pid {process.pid or '-'}, restarts {process.restarts}"
            if process.exit_code is not None:
                line += f", last exit code {process.exit_code}"
            if shown.get(process.name) != line:
                say(line)
                shown[process.name] = line
        time.sleep(REFRESH_S)
