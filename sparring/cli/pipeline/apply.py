"""`sparring pipeline apply`: read the file, compare, execute the changes, print each once it is executed."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.errors import SparringError
from sparring.cli.client import catalog_of, complain, connected, what_is_live
from sparring.cli.exits import FAILED, OK
from sparring.cli.out import print_json, say
from sparring.cli.pipeline.applier import Applier
from sparring.pipeline_file.diff import Change, differences
from sparring.pipeline_file.parse import read_pipeline_file
from sparring.pipeline_file.plan import PipelinePlan, plan_of, versions_of
from sparring.pipeline_file.yaml import InvalidPipelineFile

if TYPE_CHECKING:
    from sparring.client import Client


_STDIN: Final = "-"
_INSIDE: Final = ("step", "validation", "frame age")
"""Changes inside a version, executed by the change of that version, which follows them."""


def apply_file(parsed: argparse.Namespace) -> int:
    """Bring the system to the state of the file; returns the exit code."""
    from_stdin = parsed.file == _STDIN
    content = sys.stdin.buffer.read() if from_stdin else Path(parsed.file).read_bytes()
    try:
        spec = read_pipeline_file(content, Path() if from_stdin else Path(parsed.file).parent, parsed.workspace)
        with connected(None) as client:
            catalog = catalog_of(client)
            plan = plan_of(spec, versions_of(spec, catalog), catalog)
            return _make(client, plan, differences(plan, catalog), parsed)
    except InvalidPipelineFile as error:
        raise InvalidPipelineFile(f"{'stdin' if from_stdin else parsed.file}: {error}") from error


def _make(client: "Client", plan: PipelinePlan, changes: list[Change], parsed: argparse.Namespace) -> int:
    """Execute all changes, or none with --dry-run, and print the outcome."""
    done: list[Change] = []
    failure = None
    if not parsed.dry_run:
        failure = _apply(Applier(client, plan, parsed.wait), changes, done, quiet=parsed.json)
    if parsed.json:
        live = catalog_of(client).live(plan.spec.pipeline)
        print_json(
            {
                "pipeline": str(plan.spec.pipeline),
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


def _apply(applier: Applier, changes: list[Change], done: list[Change], *, quiet: bool) -> str | None:
    """Execute the changes in order and append each to `done`. Returns the message if one fails."""
    held: list[Change] = []
    for change in changes:
        held.append(change)
        if change.kind in _INSIDE:
            continue
        try:
            applier.apply(change)
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


def _summary(client: "Client", plan: PipelinePlan, changes: list[Change], *, dry_run: bool) -> str:
    if not changes:
        return "nothing to change\n"
    if dry_run:
        return f"{len(changes)} to change; nothing was changed\n"
    return f"{what_is_live(client, plan.spec.pipeline)}\n"


def _listed(changes: list[Change]) -> str:
    return ", ".join(str(change) for change in changes) or "nothing"


def _as_json(change: Change, *, done: bool) -> dict[str, object]:
    return {"sign": change.sign, "kind": change.kind, "name": change.name, "text": change.text, "done": done}
