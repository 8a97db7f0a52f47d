"""`sparring index rebuild`: Redis from the topics."""

import argparse
from typing import TYPE_CHECKING, Final

from sparring.cli.arguments import past
from sparring.cli.command import Parser, add_command
from sparring.cli.exits import OK
from sparring.cli.out import say

if TYPE_CHECKING:
    from sparring.cli.command import Commands

_ABOUT: Final = "The index of answers by request, in Redis: a view of the topics `results` and `shadows`."

_ABOUT_REBUILD: Final = """\
Write the answers of the topics into Redis again, for one that was emptied or replaced. It may run while the
indexer works: writing an answer twice changes nothing, and the first official answer of a request stays."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    examples = ["sparring index rebuild", "sparring index rebuild --since 2h"]
    index = add_command(commands, "index", "rebuild Redis from the topics", about=_ABOUT, examples=examples)
    actions: Commands = index.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    rebuild = add_command(
        actions, "rebuild", "write the topics' answers into Redis again", about=_ABOUT_REBUILD, examples=examples
    )
    rebuild.add_argument(
        "--since",
        type=past,
        default="1d",
        metavar="WHEN",
        help="answers from 30s, 10m, 2h, 1d ago, or an ISO time; default 1d, as long as Redis keeps them",
    )
    rebuild.set_defaults(run=_rebuild)


def _rebuild(parsed: argparse.Namespace) -> int:
    from contextlib import closing  # noqa: PLC0415  # with what follows, which is slow: see cli.command

    from sparring.cli.progress import topic_progress  # noqa: PLC0415  # as above
    from sparring.operations.rebuild import rebuild  # noqa: PLC0415  # as above
    from sparring.system.connection import Connection, found_settings  # noqa: PLC0415  # as above

    with closing(Connection(found_settings())) as connection, topic_progress() as progress:
        official, challengers = rebuild(connection, parsed.since, progress)
    say(f"{official:,} official answers and {challengers:,} of challengers are in Redis")
    return OK
