"""Runs `sparring replay`: inspect, or begin a replay, or resume one; and prints its summary."""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import SparringError
from sparring.cli.deployed import require_deployed
from sparring.cli.exits import FAILED, INTERRUPTED, NOTHING_THERE, OK
from sparring.cli.interrupt import interrupted_once
from sparring.cli.out import complain, note, print_json, say
from sparring.cli.progress import ProgressLine, watched
from sparring.cli.replay.inspect_only import dry_run, verify, what_if
from sparring.cli.replay.options import FrameSelection, check_permission, frames_of, pipeline_of, plan_of, version_of
from sparring.cli.replay.summary import line, summary
from sparring.replay.journal import Journal
from sparring.replay.pending_frames import PendingFrames
from sparring.replay.plan import Plan, ReplayCounts
from sparring.replay.replay import ProgressReports, execute
from sparring.system.connection import Connection, found_settings


def replay(parsed: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    with contextlib.closing(Connection(found_settings())) as connection:
        if parsed.resume is not None:
            with Journal.resume(Path(parsed.resume).absolute()) as journal:
                return _go_on(connection, journal, as_json=parsed.json)
        frames = frames_of(connection, parsed, pipeline_of(parsed))
        if frames.count == 0:
            complain("there are no such frames; nothing was done")
            return NOTHING_THERE
        if parsed.dry_run:
            return dry_run(connection, _only_planned(connection, parsed, frames), parsed)
        if parsed.verify:
            return verify(connection, frames, shown_max=parsed.show, as_json=parsed.json)
        if parsed.what_if:
            return what_if(connection, frames.source, version_of(connection, parsed, None), parsed)
        with _begun(connection, parsed, frames) as journal:
            return _run(connection, journal, as_json=parsed.json)


def _begun(connection: Connection, parsed: argparse.Namespace, frames: FrameSelection) -> Journal:
    folder = Path(parsed.out).absolute()
    Journal.check_free(folder)
    return Journal.begin(folder, _planned(connection, parsed, frames, folder))


def _planned(connection: Connection, parsed: argparse.Namespace, frames: FrameSelection, folder: Path) -> Plan:
    plan = plan_of(parsed, frames, version_of(connection, parsed, folder))
    check_permission(plan)
    return plan


def _only_planned(connection: Connection, parsed: argparse.Namespace, frames: FrameSelection) -> Plan:
    """What would be done; what would be refused in earnest is refused here too."""
    if parsed.out is not None:
        Journal.check_free(Path(parsed.out).absolute())
    with tempfile.TemporaryDirectory(prefix="sparring-dry-run-") as folder:
        return _planned(connection, parsed, frames, Path(folder))


def _go_on(connection: Connection, journal: Journal, *, as_json: bool) -> int:
    if not journal.ended:
        if journal.plan.live:
            require_deployed(connection.catalog(), journal.plan.version.pipeline)
        return _run(connection, journal, as_json=as_json)
    complain("this replay came to its end: there is nothing left to do")
    return _say(journal, PendingFrames((), journal).counts, finished=True, as_json=as_json)


def _run(connection: Connection, journal: Journal, *, as_json: bool) -> int:
    watch = ProgressReports(
        _going,
        report=note,
        reading=lambda records: watched(records, "answers"),
    )
    try:
        finished, counts = execute(connection, journal, watch)
    except (SparringError, OSError, KeyboardInterrupt):
        _say_how_to_go_on(journal)
        raise
    return _say(journal, counts, finished=finished, as_json=as_json)


@contextlib.contextmanager
def _going(left: PendingFrames) -> Iterator[None]:
    with interrupted_once(left.interrupt), ProgressLine(lambda elapsed_s: line(left.counts, elapsed_s)):
        yield


def _say(journal: Journal, counts: ReplayCounts, *, finished: bool, as_json: bool) -> int:
    """What became of it; returns the exit code."""
    if as_json:
        print_json(_facts(journal, counts, finished))
    else:
        say(*summary(journal.folder, counts, journal).splitlines())
    for refusal in counts.refusals:
        complain(f"refused: {refusal}")
    if not finished:
        _say_how_to_go_on(journal)
        return INTERRUPTED
    if counts.refused or journal.missing:
        return FAILED
    if not journal.counts()[0]:
        complain("there were no such frames; nothing was sent")
        return NOTHING_THERE
    return OK


def _facts(journal: Journal, counts: ReplayCounts, finished: bool) -> dict[str, object]:  # two sides of one fact
    sent, again, written = journal.counts()
    return {
        "replay": journal.plan.id,
        "finished": finished,
        "sent": sent,
        "sent_again": again,
        "written": written,
        "refused": counts.refused,
        "missing": journal.missing,
        "late": counts.late,
        "shed": counts.shed,
        "statuses": counts.statuses,
        "out": str(journal.folder),
    }


def _say_how_to_go_on(journal: Journal) -> None:
    complain(f"not at the end; `sparring replay --resume {journal.folder}` goes on")
