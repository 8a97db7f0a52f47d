"""Which message took its process down: a note in the commit's own metadata, nothing else.

While tasks run, a partition is committed with the note `open`; a graceful end clears it. Whoever is
assigned a partition that is still `open` runs its first messages (what may have been in flight, and what was
answered and not yet committed) one at a time, and commits
`attempt=n` for each before it runs. A message that is found with `attempts_max` is refused.
Messages that only happened to be in flight beside it are not; nor are those that ran, and whose answers could not be
delivered.
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
    """What is known of a partition that was left open. careful: messages still to be run alone."""

    offset: int | None
    attempts: int
    remaining: int

    def next_attempt(self, record: Record) -> int:
        """The number of the attempt at this record: 1, unless it is the one whose attempts were noted."""
        return self.attempts + 1 if record.offset == self.offset else 1


def suspicion(committed: Committed, in_flight_max: int) -> Quarantine | None:
    """None where the partition was left in good order, or was never read."""
    noted = _ATTEMPT.fullmatch(committed.metadata)
    if noted is None and committed.metadata != OPEN:
        return None
    return Quarantine(committed.offset, int(noted[1]) if noted else 0, 2 * in_flight_max)
