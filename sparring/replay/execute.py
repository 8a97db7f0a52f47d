"""A replay from its journal: what an earlier run left is cleared, what was recorded is kept, then the loop runs."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from typing import Final

from sparring.connection import Connection
from sparring.dataset import DatasetWriter
from sparring.replay.apart import apart
from sparring.replay.journal import FOLDER, Journal
from sparring.replay.reading import read_frames
from sparring.replay.recorded import Recorded, official_answers
from sparring.replay.road import Road
from sparring.replay.run import Replay
from sparring.replay.sizes import Sizes

STACK: Final = "stack"
"""Below the journal's folder: models, logs and the lock of the replay's own router and host."""


def execute(
    connection: Connection,
    journal: Journal,
    begun: Callable[[Replay], contextlib.AbstractContextManager[object]],
    report: Callable[[str], None],
) -> bool:
    """Replay what the journal does not know as done; False where it was interrupted.

    Args:
        connection: of the system whose frames and models are used.
        journal: of this replay.
        begun: entered with the replay before its first frame: for progress, and for `Replay.interrupt`.
        report: told in a few words what is going on before that.

    Raises:
        StackError, DeployError: the version does not come up.
        ConnectionError: Kafka does not answer.
        SparringError: nothing is answered any more.
    """
    plan = journal.plan
    _clear(connection, journal)
    attempt = journal.attempt()
    with Recorded(journal.folder / FOLDER / "recorded.sqlite") as recorded:
        if not recorded.is_whole:
            report("reading what was answered before")
            recorded.keep(official_answers(connection, plan.source, plan.since))
        with _target(connection, journal, attempt, report) as target:
            with Road(target, plan.version.pipeline, plan.id, live=plan.live) as road:
                writer = DatasetWriter(journal.folder, f"{plan.id}-{attempt:03}", Sizes(target, connection))
                replay = Replay(journal, recorded, road, writer, plan.pace)
                with begun(replay):
                    finished = replay.run(read_frames(connection, plan.source))
            report("clearing up")
    if finished and not replay.counts.refused:
        journal.note_end()
    if finished and not plan.live:
        shutil.rmtree(journal.folder / FOLDER / STACK, ignore_errors=True)
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
    with apart(connection.settings, plan.version, namespace, folder, allow_python=plan.allow_python) as own:
        yield own
    journal.forget_namespace(namespace)


def _clear(connection: Connection, journal: Journal) -> None:
    """What a run that was killed left: files that no note names, topics."""
    journal.forget_files_in_the_making()
    for namespace in journal.namespaces():
        connection.broker.delete(f"{namespace}.")
        journal.forget_namespace(namespace)
