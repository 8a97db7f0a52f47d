"""Which message ended its process: a note in the metadata of the commit, and nothing else.

While tasks run, a partition is committed with the note `open`; a graceful end clears the note. A process that is
assigned a partition with the note `open` runs its first messages one at a time: those that may have been in flight,
and those that were answered and not yet committed. It commits `attempt=n` before each of them runs. A message
that already had `attempts_max` attempts is refused. Messages that were merely in flight beside it are not refused,
nor are those that ran and whose answers could not be delivered.
"""

import re
from dataclasses import dataclass
from typing import Final

from adapters.kafka.record import Committed, Record

CLOSED: Final = ""
OPEN: Final = "open"
_ATTEMPT: Final = re.compile(r"attempt=([0-9]{1,6})")


def attempt_note(attempt: int) -> str:
    """The metadata that is committed before the nth attempt at the message at that offset."""
    return f"attempt={attempt}"


@dataclass(slots=True)
class Quarantine:
    """A partition that was left open."""

    offset: int | None
    """The committed offset; None: nothing was committed."""
    attempts: int
    """Attempts at the message at that offset, by the note."""
    remaining: int
    """Messages that still run one at a time."""

    def next_attempt(self, record: Record) -> int:
        """The number of the attempt at this record: 1, unless it is the one whose attempts were noted."""
        return self.attempts + 1 if record.offset == self.offset else 1


def quarantine_of(committed: Committed, in_flight_max: int) -> Quarantine | None:
    """The quarantine of a newly assigned partition; None: it was closed gracefully, or never read."""
    noted = _ATTEMPT.fullmatch(committed.metadata)
    if noted is None and committed.metadata != OPEN:
        return None
    return Quarantine(committed.offset, int(noted[1]) if noted else 0, 2 * in_flight_max)
