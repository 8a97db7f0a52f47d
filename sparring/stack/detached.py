"""A stack that outlives the command that started it: `sparring up -d`, and `sparring down` for any stack."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

from sparring.stack.errors import StackError
from sparring.stack.folder import Folder
from sparring.stack.reaper import has_ended

START_S_MAX: Final = 600.0
"""The first start downloads Kafka."""

STOP_S_MAX: Final = 60.0
KILLED_S_MAX: Final = 30.0
LOG_LINES_SHOWN: Final = 20
_AGAIN_AFTER_S: Final = 0.05


def start_detached(folder: Folder, options: tuple[str, ...], report: Callable[[str], None]) -> None:
    """Run `sparring up` in a session of its own; returns when everything is ready.

    Args:
        folder: where; its `log/stack.log` gets what the stack says.
        options: further options of `sparring up`.
        report: told each line of that log while starting.

    Raises:
        StackError: when it ended instead, with the last lines of its log.
    """
    log = folder.path / "log" / "stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = (sys.executable, "-P", "-m", "sparring", "up", "--data", str(folder.path), *options)
    with log.open("wb") as out:
        child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        _until_ready(folder, child, log, report)
    except BaseException:
        child.terminate()
        child.wait()
        raise


def _until_ready(folder: Folder, child: subprocess.Popen[bytes], log: Path, report: Callable[[str], None]) -> None:
    deadline = time.monotonic() + START_S_MAX
    with log.open(errors="replace") as said:
        while not _is_ready(folder, child.pid):
            if child.poll() is not None:
                raise StackError(_reason(log))
            if time.monotonic() > deadline:
                raise StackError(f"not ready after {START_S_MAX:.0f} s; see {log}")
            time.sleep(_AGAIN_AFTER_S)
            _relay(said, report)
        time.sleep(_AGAIN_AFTER_S)
        _relay(said, report)


def stop_stack(folder: Folder) -> str:
    """End the stack in this folder, and what a killed one left there; returns what was done, in words.

    Raises:
        StackError: when something in the folder cannot be ended.
    """
    holder = folder.holder()
    if holder is None:
        _free(folder, KILLED_S_MAX)
        ended = folder.clean_up()
        rest = f"; ended {ended} processes that a killed one had left behind" if ended else ""
        return f"no stack runs in {folder.path}{rest}"
    os.kill(holder.pid, signal.SIGTERM)
    if not folder.wait_until_free(STOP_S_MAX):
        os.kill(holder.pid, signal.SIGKILL)
        _free(folder, KILLED_S_MAX)
        folder.clean_up()
        return f"killed the stack in {folder.path}: it had not stopped in {STOP_S_MAX:.0f} s"
    # It lets go of the folder a moment before its end.
    if not has_ended(holder, KILLED_S_MAX):
        raise StackError(f"process {holder.pid} let go of {folder.path}, but still runs after {KILLED_S_MAX:.0f} s")
    return f"stopped the stack in {folder.path}"


def _free(folder: Folder, within_s: float) -> None:
    if not folder.wait_until_free(within_s):
        raise StackError(f"something still holds {folder.path} after {within_s:.0f} s; try again")


def _is_ready(folder: Folder, pid: int) -> bool:
    addresses = folder.addresses()
    return addresses is not None and addresses.stack.pid == pid


def _relay(said: TextIO, report: Callable[[str], None]) -> None:
    for line in said:
        report(line.rstrip("\n"))


def _reason(log: Path) -> str:
    """The stack's own error, which ends its log, without the command's name in front of it."""
    text = log.read_text(errors="replace")
    _, found, error = f"\n{text}".rpartition("\nsparring: ")
    if found:
        return error.rstrip()
    lines = text.splitlines()[-LOG_LINES_SHOWN:]
    return f"the stack ended while starting; the end of {log}:\n" + "\n".join(f"  {line}" for line in lines)
