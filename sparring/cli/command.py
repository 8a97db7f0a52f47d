"""How a command is declared: one parser with a page of help of its own.

A command's module imports at its top only what declaring needs, so that `sparring --help` and a
shell's completion answer at once. What the command works with is imported where it runs.
"""

import argparse
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from sparring.cli.exits import WRONG_USAGE
from sparring.cli.out import note

if TYPE_CHECKING:
    # argparse does not give the type of its subparsers a public name. Any: of parsers of any class.
    Commands = argparse._SubParsersAction[Any]  # noqa: SLF001


_COLUMNS_MAX: Final = 110


class Parser(argparse.ArgumentParser):
    """A parser whose errors name the command that prints help."""

    def error(self, message: str) -> NoReturn:
        """Print the usage, the error, and the command that prints help; exit with code 2."""
        self.print_usage(sys.stderr)
        note(f"{self.prog}: {message}; `{self.prog} --help` says more")
        self.exit(WRONG_USAGE)


class _Page(argparse.RawDescriptionHelpFormatter):
    """Wraps paragraphs at the terminal's width, to a limit; keeps paragraphs with indented lines as they are."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(shutil.get_terminal_size().columns, _COLUMNS_MAX) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = text.split("\n\n")
        return "\n\n".join(
            super(_Page, self)._fill_text(part, width, indent) if "\n " in part else textwrap.fill(part, width)
            for part in parts
        )


def add_command(
    commands: "Commands",
    name: str,
    summary: str,
    *,
    about: str,
    examples: Sequence[str],
    exits: Sequence[str] = (),
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.ArgumentParser:
    """Add a command; returns its parser, for its arguments and `set_defaults(run=...)`.

    Args:
        commands: what `add_commands` of a module is given.
        name: as it is typed.
        summary: half a line, for the list of commands.
        about: the description, as it is to be laid out.
        examples: lines that can be typed.
        exits: exit codes beside 0, 1, 2, one line each: `3  no answer yet`.
        parents: parsers whose arguments it has too.
    """
    parts = ["examples:", *(f"  {line}" for line in examples)]
    if exits:
        parts += ["", "exit codes, beside 0 (done), 1 (failed), 2 (wrong usage):", *(f"  {line}" for line in exits)]
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=about,
        epilog="\n".join(parts),
        parents=list(parents),
        formatter_class=_Page,
    )
    return parser
