"""`sparring verify`: accounts for every frame of a time by its answers."""

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from sparring.cli.arguments import count, past, pipeline
from sparring.cli.command import add_command
from sparring.cli.exits import FAILED, NOTHING_THERE, OK
from sparring.cli.out import print_json, say

if TYPE_CHECKING:
    from sparring.cli.command import Commands
    from sparring.ledger.account import LedgerReport

_SETTLED_S: Final = 10
_SHOWN_MAX: Final = 20

_ABOUT: Final = """\
Account for every frame that was produced in a time, from the topics of a running system: it changes nothing.

Each frame must have an answer on `results`, of its own bytes, decided as the routing function decides for
the pipeline version that answered (model, sha256, number of challengers, place in each split), which was
live then; an error must have its dead letter; each challenger an answer, an error or a shed record on
`shadows`; nothing expires before its deadline; Redis exactly one official answer by request, one of this
request's on the topic; frames of one key that went to one process must be answered in order. What lies
twice on a topic, after a crash, is counted: that is no failure.

A frame's time is its producer's: one that waited for a network, or whose clock is wrong, comes late into a
time that was verified already, so let times overlap. Frames are kept for 24 hours, as Redis keeps answers:
where `--from` lies further back, it is said that some are gone."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    verify = add_command(
        commands,
        "verify",
        "account for every frame of a time: what went in, what came out, what is missing",
        about=_ABOUT,
        examples=[
            "sparring verify --from 1h",
            "sparring verify --from 2026-01-31T08:00 --to 2026-01-31T09:00 --pipeline shelf --json",
        ],
    )
    verify.add_argument(
        "--from",
        dest="since",
        type=past,
        default="10m",
        metavar="WHEN",
        help="30s, 10m, 2h, 1d ago, or an ISO time; default 10m",
    )
    verify.add_argument(
        "--to",
        dest="until",
        type=past,
        metavar="WHEN",
        help=f"likewise; default {_SETTLED_S}s: answers to later frames may be on their way",
    )
    verify.add_argument("--pipeline", type=pipeline, metavar="P", help="frames of this pipeline; default all")
    verify.add_argument("--no-index", action="store_true", help="do not ask Redis")
    verify.add_argument(
        "--show", type=count, default=_SHOWN_MAX, metavar="N", help=f"findings to print; default {_SHOWN_MAX}"
    )
    verify.add_argument("--json", action="store_true", help="for programs: in_order, counts, and all findings")
    verify.set_defaults(run=_verify)


def _verify(parsed: argparse.Namespace) -> int:
    from contextlib import closing  # noqa: PLC0415  # with what follows, which is slow: see cli.command

    from sparring.cli.progress import topic_progress  # noqa: PLC0415  # as above
    from sparring.ledger.read import verify  # noqa: PLC0415  # as above
    from sparring.system.connection import Connection, found_settings  # noqa: PLC0415  # as above

    until = parsed.until or int((time.time() - _SETTLED_S) * 1000)
    with closing(Connection(found_settings())) as connection, topic_progress() as progress:
        report = verify(connection, parsed.since, until, parsed.pipeline, index=not parsed.no_index, progress=progress)
    if parsed.json:
        _write_json(report)
    else:
        _print(report, parsed.show)
    if not report.counts["frames"]:
        return NOTHING_THERE
    return OK if report.in_order else FAILED


def _write_json(report: "LedgerReport") -> None:
    print_json({"in_order": report.in_order, "counts": report.counts, "findings": report.findings})


def _print(report: "LedgerReport", shown_max: int) -> None:
    from collections import Counter  # noqa: PLC0415  # with what follows

    from sparring.cli.tables import console, table  # noqa: PLC0415  # slow: see cli.command
    from sparring.ledger.read import CUT  # noqa: PLC0415  # as above

    out = console(soft_wrap=not sys.stdout.isatty())
    counts = table("what", "count ")
    for what in sorted(report.counts, key=lambda name: (name != "frames", name)):
        counts.add_row(what, f"{report.counts[what]:,}")
    out.print(counts)
    if report.in_order:
        kept = "what is left of this time" if report.counts[CUT] else "everything"
        out.print(f"\n{kept} is accounted for" if report.counts["frames"] else "\nno frame in this time")
        return
    kinds = table("does not hold", "frames ")
    for kind, number in Counter(finding.kind for finding in report.findings).most_common():
        kinds.add_row(kind, f"{number:,}")
    out.print()
    out.print(kinds)
    out.print()
    for finding in report.findings[:shown_max]:
        say(f"{finding.kind}: request {finding.request_id} ({finding.origin}): {finding.what}")
    if len(report.findings) > shown_max:
        say(f"... and {len(report.findings) - shown_max:,} more: --show, or --json for all")
