"""The command line: `sparring COMMAND`. One module or room per group of commands; each adds its own parsers.

A command is a function of the parsed arguments that returns an exit code. An error is one line on
stderr that says what to do; a traceback is a bug. Modules of commands import little at their top
(see `sparring.cli.command`).
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import sparring
from schemas.errors import SparringError
from sparring.cli import compare, completion, model, pipeline, replay, results, send, stack, topics
from sparring.cli.command import Parser
from sparring.cli.exits import FAILED, INTERRUPTED, NO_READER, OK
from sparring.cli.manual import ManualParser
from sparring.cli.operations import deadletters, index, verify
from sparring.cli.out import OneLine, complain, say, warnings_as_lines

if TYPE_CHECKING:
    from sparring.cli.command import Commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    # What a client library warns about while it connects is no news for a person: a failure is raised.
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("sparring: %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    # And of the errors that it logs while a broker is silent, the one that counts is raised too.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        try:
            parsed = parser().parse_args(arguments)
            with warnings_as_lines():
                return int(parsed.run(parsed))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except (SparringError, OSError) as error:
        return _fail(_one_line(error), FAILED)


def parser() -> argparse.ArgumentParser:
    """The parser with all commands: for `main`, completion scripts, and the test of docs/cli.md."""
    root = ManualParser()
    root.add_argument("--version", action="version", version=sparring.__version__, help="print the version")
    commands: Commands = root.add_subparsers(prog="sparring", metavar="COMMAND", required=True, parser_class=Parser)
    stack.add_commands(commands)
    model.add_commands(commands)
    pipeline.add_commands(commands)
    send.add_commands(commands)
    results.add_commands(commands)
    replay.add_commands(commands)
    compare.add_commands(commands)
    verify.add_commands(commands)
    deadletters.add_commands(commands)
    index.add_commands(commands)
    topics.add_commands(commands)
    completion.add_commands(commands)
    version = commands.add_parser("version", help="print the version", description="Print the version.")
    version.set_defaults(run=_version)
    # argparse keeps the summaries, and shows them only in its own layout.
    root.summaries = {one.dest: one.help or "" for one in commands._get_subactions()}  # noqa: SLF001
    return root


def _version(_: argparse.Namespace) -> int:
    say(sparring.__version__)
    return OK


def _fail(line: str, code: int) -> int:
    complain(line)
    return code


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
