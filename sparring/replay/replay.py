"""A replay from its journal: what an earlier run left is cleared, what was recorded is kept, then the loop runs."""

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sparring.dataset.files import DatasetWriter
from sparring.replay.input_sizes import InputSizes
from sparring.replay.isolated import isolated_stack
from sparring.replay.journal import FOLDER, Journal
from sparring.replay.loop import Replay
from sparring.replay.pending_frames import PendingFrames, read_frames
from sparring.replay.plan import OWN_PARTS_S_MAX, STACK, ReplayCounts, ReplayLimits
from sparring.replay.recorded import RecordedAnswers, official_answers
from sparring.replay.transport import ReplayTransport
from sparring.system.connection import Connection


class ProgressReports(NamedTuple):
    """Callbacks that show the progress of a replay."""

    going: Callable[[PendingFrames], contextlib.AbstractContextManager[object]]
    """A context around the loop, with the pending frames: to show them, and to call `PendingFrames.interrupt`."""
    report: Callable[[str], None]
    """Called with a few words before each step that precedes the loop."""
    reading: Callable[[Iterator[Any]], Iterator[Any]]
    """Wraps the iteration over recorded answers."""


def execute(
    connection: Connection, journal: Journal, watch: ProgressReports, limits: ReplayLimits | None = None
) -> tuple[bool, ReplayCounts]:
    """Replay what the journal does not know as done; False where it was interrupted, and what became of the frames.

    Where nothing is left to send, nothing is started.

    Args:
        connection: of the system whose frames and models are used.
        journal: of this replay.
        watch: who is told of it.
        limits: how much is under way, how long it waits.

    Raises:
        StackError, DeployError: the version does not come up.
        ConnectionError: Kafka does not answer.
        SparringError: nothing is answered any more.
        OSError: the source cannot be read, or nothing be written.
    """
    plan = journal.plan
    _clear(connection, journal)
    left = PendingFrames(read_frames(connection, plan.source), journal)
    with watch.going(left):
        is_any = left.any()
    finished = (
        _run(connection, journal, left, watch, limits or ReplayLimits()) if is_any else not left.interrupted.is_set()
    )
    if finished and not left.counts.refused:
        journal.note_end()
        # Not before: it holds a candidate's new models, which the next run needs.
        shutil.rmtree(journal.folder / FOLDER / STACK, ignore_errors=True)
    return finished, left.counts


def _run(
    connection: Connection, journal: Journal, left: PendingFrames, watch: ProgressReports, limits: ReplayLimits
) -> bool:
    plan = journal.plan
    attempt = journal.attempt()
    if not plan.live:
        limits = dataclasses.replace(limits, parts_s=max(limits.parts_s, OWN_PARTS_S_MAX))
    with RecordedAnswers(journal.folder / FOLDER / "recorded.sqlite") as recorded:
        if not recorded.is_whole:
            watch.report("reading what was answered before")
            recorded.keep(official_answers(connection, plan.source, plan.since, watch.reading))
        with _target(connection, journal, attempt, watch.report) as target:
            with ReplayTransport(target, plan.version.pipeline, plan.id, live=plan.live) as road:
                writer = DatasetWriter(journal.folder, f"{plan.id}-{attempt:03}", InputSizes(target, connection))
                replay = Replay(left, journal, recorded, road, writer, plan.pace, limits)
                with watch.going(left):
                    finished = replay.run()
            watch.report("clearing up")
    return finished


@contextlib.contextmanager
def _target(
    connection: Connection, journal: Journal, attempt: int, report: Callable[[str], None]
) -> Iterator[Connection]:
    plan = journal.plan
    if plan.live:
        yield connection
        return
    namespace = f"{connection.settings.namespace}-replay-{plan.id}-{attempt}"
    journal.note_namespace(namespace)
    report(f"starting a router and a host of its own for {plan.version.pipeline} {plan.version.version[:8]}")
    folder = journal.folder / FOLDER / STACK
    with isolated_stack(connection.settings, plan.version, namespace, folder, allow_python=plan.allow_python) as own:
        yield own
    journal.forget_namespace(namespace)


def _clear(connection: Connection, journal: Journal) -> None:
    """What a run that was killed left: files that no note names, topics."""
    journal.forget_files_in_the_making()
    for namespace in journal.namespaces():
        connection.broker.delete(f"{namespace}.")
        journal.forget_namespace(namespace)
