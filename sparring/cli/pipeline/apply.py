"""What `sparring pipeline apply` does: read the file, compare, do what differs, say each line once it is done."""

import argparse
import sys
from pathlib import Path
from typing import Final

from schemas.errors import SparringError
from sparring.cli.exits import FAILED, OK
from sparring.cli.out import print_json, say
from sparring.cli.pipeline.applier import Doing
from sparring.cli.pipeline.client import catalog_of, complain, connected, what_is_live
from sparring.client import Client
from sparring.pipeline_file.diff import Change, differences
from sparring.pipeline_file.parse import read_wanted
from sparring.pipeline_file.plan import Planned, planned, versions_of
from sparring.pipeline_file.yaml import WrongFile

_STDIN: Final = "-"
_INSIDE: Final = ("step", "validation", "frame age")
"""Done by the version that holds them, which comes after them."""


def apply_file(parsed: argparse.Namespace) -> int:
    """Make what the file wants; returns the exit code."""
    from_stdin = parsed.file == _STDIN
    content = sys.stdin.buffer.read() if from_stdin else Path(parsed.file).read_bytes()
    try:
        wanted = read_wanted(content, Path() if from_stdin else Path(parsed.file).parent, parsed.workspace)
        with connected(None) as client:
            catalog = catalog_of(client)
            plan = planned(wanted, versions_of(wanted, catalog), catalog)
            return _make(client, plan, differences(plan, catalog), parsed)
    except WrongFile as error:
        raise WrongFile(f"{'stdin' if from_stdin else parsed.file}: {error}") from error


def _make(client: Client, plan: Planned, changes: list[Change], parsed: argparse.Namespace) -> int:
    """Do all changes, or with --dry-run none, and say it."""
    done: list[Change] = []
    failure = None
    if not parsed.dry_run:
        failure = _do(Doing(client, plan, parsed.wait), changes, done, quiet=parsed.json)
    if parsed.json:
        live = catalog_of(client).live(plan.wanted.pipeline)
        print_json(
            {
                "pipeline": str(plan.wanted.pipeline),
                "dry_run": parsed.dry_run,
                "changes": [_as_json(change, done=change in done) for change in changes],
                "live": None if live is None else live.version,
            }
        )
    elif failure is None:
        if parsed.dry_run:
            say(*map(str, changes))
        say(*_summary(client, plan, changes, dry_run=parsed.dry_run).splitlines())
    if failure is not None:
        complain(failure)
    return OK if failure is None else FAILED


def _do(doing: Doing, changes: list[Change], done: list[Change], *, quiet: bool) -> str | None:
    """Do one after the other, and note it in `done`. Returns why it did not come to the end."""
    held: list[Change] = []
    for change in changes:
        held.append(change)
        if change.kind in _INSIDE:
            continue
        try:
            doing.do(change)
        except (SparringError, OSError, TypeError, ValueError) as error:
            left = [str(one) for one in changes if one not in done]
            return (
                f"`{change}` failed: {error}; done before: {_listed(done)}; not done: {', '.join(left)}; "
                "applying again goes on from there"
            )
        done += held
        if not quiet:
            say(*map(str, held))
            sys.stdout.flush()
        held = []
    return None


def _summary(client: Client, plan: Planned, changes: list[Change], *, dry_run: bool) -> str:
    if not changes:
        return "nothing to change\n"
    if dry_run:
        return f"{len(changes)} to change; nothing was changed\n"
    return f"{what_is_live(client, plan.wanted.pipeline)}\n"


def _listed(changes: list[Change]) -> str:
    return ", ".join(str(change) for change in changes) or "nothing"


def _as_json(change: Change, *, done: bool) -> dict[str, object]:
    return {"sign": change.sign, "kind": change.kind, "name": change.name, "text": change.text, "done": done}
