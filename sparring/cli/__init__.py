"""The command line: `sparring COMMAND`. One module per group of commands; each adds its own parsers.

A command is a function of the parsed arguments that returns an exit code. An error is one line on
stderr that says what to do; a traceback is a bug.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import Final

import sparring
from schemas.errors import SparringError
from sparring.cli import stack

OK: Final = 0
FAILED: Final = 1

_EPILOG: Final = """\
exit codes:
  0  done
  1  failed; one line on stderr says why
  2  wrong usage
  3  status: no stack runs in this folder
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    # What a client library warns about while it connects is no news for a person: a failure is raised.
    logging.basicConfig(level=logging.ERROR, format="sparring: %(message)s")
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except SparringError as error:
        sys.stderr.write(f"sparring: {error}\n")
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sparring",
        description="A champion spars with its challengers: models in production, over Kafka.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=sparring.__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    stack.add_commands(commands)
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=_version)
    return parser


def _version(_: argparse.Namespace) -> int:
    sys.stdout.write(f"{sparring.__version__}\n")
    return OK
