"""Which message ended its process: a note in the metadata of the commit, and nothing else.

While tasks run, a partition is committed with the note `open`. A graceful end clears the note. A process that is
assigned a partition with the note `open` runs its first messages one at a time: those that may have been in flight,
and those that were answered and not yet committed. It commits the note `attempt=n` before each of them runs. A message
that already had `attempts_max` attempts is refused. A message that was merely in flight beside it is not refused, nor
is one that ran and whose answer could not be delivered.
"""

import re
from dataclasses import dataclass
from typing import Final

from adapters.kafka.record import Committed, Record

CLOSED: Final = ""
OPEN: Final = "open"
_ATTEMPT: Final = re.compile(r"attempt=([0-9]{1,6})")


def attempt_note(attempt: int) -> str:
    """The note that is committed, with the message's own offset, before attempt number n."""
    return f"attempt={attempt}"


@dataclass(slots=True)
class Quarantine:
    """A partition whose last process did not end gracefully."""

    offset: int | None
    """The committed offset; None: nothing was committed."""
    attempts: int
    """Attempts so far at the message at that offset, from the note."""
    remaining: int
    """Messages that still run one at a time."""

    def next_attempt(self, record: Record) -> int:
        """The number of the next attempt at this record: 1, unless the note counts attempts at this record."""
        return self.attempts + 1 if record.offset == self.offset else 1


def quarantine_of(committed: Committed, in_flight_max: int) -> Quarantine | None:
    """The quarantine of a newly assigned partition; None: the last process closed it, or none has read it.

    Args:
        committed: what the group has committed for it.
        in_flight_max: the most tasks in flight. Twice as many run one at a time: as many more may have been answered
            and not committed.
    """
    noted = _ATTEMPT.fullmatch(committed.metadata)
    if noted is None and committed.metadata != OPEN:
        return None
    return Quarantine(committed.offset, int(noted[1]) if noted else 0, 2 * in_flight_max)
