"""The output of commands: lines for people, with control characters escaped, and JSON for programs.

Headers, keys, request ids, error messages and file names come from others and can contain escape sequences or line
breaks. A terminal would move its cursor, hide rows, or show forged ones. So every line is printed by this module, and
every table by `sparring.cli.tables`; a test holds commands to that. JSON and Arrow go to `sys.stdout.buffer` unescaped.
"""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sparring.display import escape_controls

__all__ = ["OneLine", "complain", "escape_controls", "note", "print_json", "say", "warnings_as_lines"]


def say(*lines: str) -> None:
    """Print each as one line on stdout."""
    sys.stdout.writelines(f"{escape_controls(line)}\n" for line in lines)


def note(*lines: str) -> None:
    """Print each as one line on stderr: progress, and what was left out."""
    sys.stderr.writelines(f"{escape_controls(line)}\n" for line in lines)


def print_json(value: object) -> None:
    """Print one JSON value on stdout, indented: the output of `--json`. msgspec encodes structs and datetimes."""
    import msgspec  # noqa: PLC0415  # slow: see cli.command

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def complain(line: str) -> None:
    """Print one line on stderr, which begins with `sparring:`."""
    note(f"sparring: {line}")


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Within the block, warnings are printed by `complain`, without file and line."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: complain(str(message))
        yield


class OneLine(logging.Formatter):
    """Formats a log record as one line, as `complain` prints it; a traceback follows on its own lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # as logging calls it
        """The line."""
        return escape_controls(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # as above
        """Each line escaped: an error message can quote input of others."""
        return "\n".join(map(escape_controls, super().formatException(ei).split("\n")))
