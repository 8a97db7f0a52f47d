"""What commands say to a person: lines on stdout and stderr, in which nothing that a stranger wrote is obeyed.

Headers, keys, request ids, messages of errors, names of files: whoever wrote them may have put an escape sequence or a
line break in. A terminal would move its cursor, hide rows, or show a forged one. So every line leaves by this module,
and every table by `sparring.cli.tables`; a test holds commands to that. What is for programs (JSON, Arrow) is written
to `sys.stdout.buffer` as it is.
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
    """Each as one line on stdout."""
    sys.stdout.writelines(f"{escape_controls(line)}\n" for line in lines)


def note(*lines: str) -> None:
    """Each as one line on stderr: progress, and what was left out."""
    sys.stderr.writelines(f"{escape_controls(line)}\n" for line in lines)


def print_json(value: object) -> None:
    """One JSON value on stdout, indented by two blanks: what `--json` prints. Structs and datetimes are encoded too."""
    import msgspec  # noqa: PLC0415  # slow: see cli.command

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def complain(line: str) -> None:
    """One line on stderr, which says who speaks."""
    note(f"sparring: {line}")


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """What is warned of meanwhile is said by `complain`, without the place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: complain(str(message))
        yield


class OneLine(logging.Formatter):
    """Of what is logged: the message as `complain` would say it; a traceback below it in lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # as logging calls it
        """The line."""
        return escape_controls(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # as above
        """Its lines: an error's text may quote what a stranger sent."""
        return "\n".join(map(escape_controls, super().formatException(ei).split("\n")))
