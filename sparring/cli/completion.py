"""`sparring completion SHELL`: a script that completes commands, options and file names.

The script is written once from the parser and knows no process: pressing Tab starts no Python.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from sparring.cli.command import add_command
from sparring.cli.exits import OK

if TYPE_CHECKING:
    from sparring.cli.command import Commands

SHELLS: Final = ("bash", "zsh", "fish")

_ABOUT: Final = """\
Print a script that lets the shell complete commands, options and file names with Tab. Save it where your
shell looks for such scripts, and again after an update of sparring."""

_EXAMPLES: Final = (
    "sparring completion bash > ~/.local/share/bash-completion/completions/sparring",
    'sparring completion zsh > "${fpath[1]}/_sparring"',
    "sparring completion fish > ~/.config/fish/completions/sparring.fish",
)

_FILES: Final = ("PATH", "FILE", "FILE.png")
_FOLDERS: Final = ("DIR",)
"""Names of values (metavar) that stand for a file, for a folder."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    completion = add_command(
        commands, "completion", "print a script for your shell's completion", about=_ABOUT, examples=_EXAMPLES
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    completion.set_defaults(run=_completion)


def _completion(parsed: argparse.Namespace) -> int:
    import shtab  # noqa: PLC0415  # slow: see cli.command

    from sparring.cli import parser  # noqa: PLC0415  # that module imports this one

    root = parser()
    _shorten(root)
    for action in _arguments(root):
        complete = shtab.FILE if action.metavar in _FILES else shtab.DIRECTORY if action.metavar in _FOLDERS else None
        if complete is not None:
            action.complete = complete
    sys.stdout.write(f"{shtab.complete(root, shell=parsed.shell)}\n")
    return OK


def _arguments(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """All arguments of all commands. argparse has no public call for them."""
    for action in parser._actions:  # noqa: SLF001
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _arguments(command)


def _shorten(parser: argparse.ArgumentParser) -> None:
    """Each command's summary in place of its description, of which shtab would take the first line."""
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for summary in action._get_subactions():  # noqa: SLF001
                action.choices[summary.dest].description = summary.help
                _shorten(action.choices[summary.dest])
