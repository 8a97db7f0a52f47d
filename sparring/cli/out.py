"""What commands say to a person: lines on stdout and stderr, in which nothing that a stranger wrote is obeyed.

Headers, keys, request ids, messages of errors, names of files: whoever wrote them may have put an escape sequence or a
line break in. A terminal would move its cursor, hide rows, or show a forged one. So every line leaves by this module,
and every table by `sparring.cli.tables`; a test holds commands to that. What is for programs (JSON, Arrow) is written
to `sys.stdout.buffer` as it is.
"""

import logging
import re
import sys
from typing import Final

_OBEYED: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of text
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # bytes of a file's name that are no UTF-8: they cannot be written
    "]"
)


def shown(text: str) -> str:
    r"""The text on one line, with what a terminal would obey as Python writes it: `\x1b`, `\n`, `\u202e`."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(*lines: str) -> None:
    """Each as one line on stdout."""
    sys.stdout.writelines(f"{shown(line)}\n" for line in lines)


def note(*lines: str) -> None:
    """Each as one line on stderr: progress, and what was left out."""
    sys.stderr.writelines(f"{shown(line)}\n" for line in lines)


def complain(line: str) -> None:
    """One line on stderr, which says who speaks."""
    note(f"sparring: {line}")


class OneLine(logging.Formatter):
    """Of what is logged: the message as `complain` would say it; a traceback below it as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # as logging calls it
        """The line."""
        return shown(super().formatMessage(record))
