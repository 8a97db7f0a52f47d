"""The exit codes of `sparring`, in one table; docs/cli.md shows it."""

from typing import Final

OK: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
NOTHING_THERE: Final = 3
INTERRUPTED: Final = 130
NO_READER: Final = 141

MEANINGS: Final = {
    OK: "done",
    FAILED: "failed; one line on stderr says why, and what to do",
    WRONG_USAGE: "wrong usage; nothing was done",
    NOTHING_THERE: "nothing there: no stack, topic, model, pipeline, answer or dead letter of this name",
    INTERRUPTED: "interrupted (Ctrl-C, SIGTERM)",
    NO_READER: "nobody reads the output any more (`| head`)",
}
"""130 and 141 are a shell's codes for SIGINT and SIGPIPE."""
