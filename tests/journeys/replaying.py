"""`python -m tests.journeys.replaying DIR`: `sparring replay --resume DIR`, but that it writes five times a second.

For who kills it: at any moment some is written, some is on its way, and some may be in a file that is not noted yet.
"""

import contextlib
import sys
from pathlib import Path

from sparring.replay.journal import Journal
from sparring.replay.plan import ReplayLimits
from sparring.replay.replay import ProgressReports, execute
from sparring.system.connection import Connection, found_settings


def main(folder: Path) -> None:
    """To its end, unless it is killed."""
    watch = ProgressReports(lambda _: contextlib.nullcontext(), lambda _: None, iter)
    with contextlib.closing(Connection(found_settings())) as connection, Journal.resume(folder) as journal:
        execute(connection, journal, watch, ReplayLimits(write_s=0.2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
