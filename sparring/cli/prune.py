"""`sparring topics prune`: deletes topics of models that no version has needed for a while, with their groups."""

import argparse
from typing import TYPE_CHECKING, Final, assert_never

from sparring.cli.arguments import span
from sparring.cli.command import add_command
from sparring.cli.exits import FAILED, OK
from sparring.cli.out import complain, print_json, say

if TYPE_CHECKING:
    from sparring.cli.command import Commands
    from sparring.operations.pruning import PruneVerdict, Verdict
    from sparring.system.connection import Connection

_ABOUT: Final = """\
Delete the topics of models, and the consumer groups of the same names, that no live version and no open offer
needs or has needed for a while: a version counts until another one, or none, went live after it, or its offer
ended; one that never was live since it was made.

A topic is kept, and why is said, where its group has a member, where it has records that nobody has answered,
and where the catalog does not know its model's version. No service deletes a topic; a version that goes live
again later has its topics made anew."""


def add_action(actions: "Commands") -> None:
    """Add it to the actions of `sparring topics`."""
    prune = add_command(
        actions,
        "prune",
        "delete topics of models that nobody has needed for a while",
        about=_ABOUT,
        examples=["sparring topics prune --dry-run", "sparring topics prune --unused-for 30d --json"],
        exits=["1  a version went live meanwhile that needs one of them: it is made again, deploy again"],
    )
    prune.add_argument(
        "--unused-for",
        type=span,
        default="7d",
        metavar="TIME",
        help="30s, 10m, 2h, 7d: for how long nobody must have needed it; default 7d",
    )
    prune.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")
    prune.add_argument("--json", action="store_true", help="for programs: a list of objects, times in milliseconds")
    prune.set_defaults(run=_prune)


def _prune(parsed: argparse.Namespace) -> int:
    from contextlib import closing  # noqa: PLC0415  # with what follows, which is slow: see cli.command

    from adapters.clock import now_ms  # noqa: PLC0415  # as above
    from sparring.operations.pruning import (  # noqa: PLC0415  # as above
        delete_unread,
        judged,  # as above
        standings,
    )
    from sparring.system.connection import Connection, found_settings  # noqa: PLC0415  # as above

    with closing(Connection(found_settings())) as connection:
        # Read the catalog last: it is the newest when the topics are deleted.
        found = standings(connection.broker, connection.topics)
        seen = judged(connection.catalog(), connection.topics, found, parsed.unused_for, now_ms())
        unused = [one.topic for one in seen if one.verdict == "unused"]
        gone = set() if parsed.dry_run else delete_unread(connection.broker, unused)
        again = _made_again(connection, gone)
    if parsed.json:
        _print_json(seen, gone)
    else:
        _print(seen, gone, dry_run=parsed.dry_run)
    for topic in again:
        complain(f"{topic} is made again, for a version that was deployed meanwhile: deploy again")
    return FAILED if again else OK


def _made_again(connection: "Connection", gone: set[str]) -> list[str]:
    """A deployer may have looked for its topics a moment before they were deleted."""
    from adapters.clock import now_ms  # noqa: PLC0415  # slow: see cli.command
    from schemas.topics import work_topic  # noqa: PLC0415  # as above
    from sparring.operations.pruning import needed_again  # noqa: PLC0415  # as above

    lanes = needed_again(connection.catalog(), connection.topics, gone, now_ms()) if gone else []
    topics = [work_topic(connection.topics.namespace, *lane) for lane in lanes]
    if topics:
        connection.broker.create(topics)
    return [topic.name for topic in topics]


def _print_json(seen: "list[PruneVerdict]", gone: set[str]) -> None:
    facts = [
        {
            "topic": one.topic,
            "verdict": one.verdict,
            "deleted": one.topic in gone,
            "needed_until": one.needed_until,
            "members": one.standing.members,
            "unanswered": one.standing.unanswered,
        }
        for one in seen
    ]
    print_json(facts)


def _print(seen: "list[PruneVerdict]", gone: set[str], *, dry_run: bool) -> None:
    from sparring.checks import moment  # noqa: PLC0415  # as above
    from sparring.cli.tables import console, table  # noqa: PLC0415  # slow: see cli.command

    if not seen:
        say("there is no topic of a model")
        return
    shown = table("topic", "needed until", "members ", "unanswered ", "")
    for one in seen:
        until = "-" if one.needed_until is None else moment(one.needed_until).isoformat(timespec="seconds")
        numbers = (f"{one.standing.members}", f"{one.standing.unanswered:,}")
        shown.add_row(one.topic, until, *numbers, _what(one.verdict, deleted=one.topic in gone, dry_run=dry_run))
    console().print(shown)


def _what(verdict: "Verdict", *, deleted: bool, dry_run: bool) -> str:
    match verdict:
        case "unused":
            # A member may join between the question and the deed.
            return "would be deleted" if dry_run else ("deleted" if deleted else "kept: somebody reads it now")
        case "needed":
            return "kept: live or offered"
        case "needed lately":
            return "kept: needed lately"
        case "read":
            return "kept: somebody reads it"
        case "unanswered":
            return "kept: records that nobody answered"
        case "unknown":
            return "kept: not in the catalog"
        case _:
            assert_never(verdict)
