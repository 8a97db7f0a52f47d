"""What became of a replay's frames, in numbers."""

from dataclasses import dataclass, field
from typing import Final

REFUSALS_MAX: Final = 10
"""Of which the reason is kept; all are counted."""


@dataclass(slots=True)
class Counts:
    """Of this run.

    frames: of all runs together where it is known; at most: where other pipelines' frames may be among them. passed:
    of these, how many are read, `passed_before` of them before the first was sent. skipped: done by a run before.
    refused: cannot be read, or not be sent. late: challengers' answers that were not waited for; shed: those that say
    that the challenger did not do it.
    """

    frames: int | None = None
    at_most: bool = False
    passed: int = 0
    passed_before: int = 0
    skipped: int = 0
    sent: int = 0
    answered: int = 0
    refused: int = 0
    late: int = 0
    shed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Frames that need nothing more, of all runs."""
        return self.skipped + self.answered + self.refused

    @property
    def under_way(self) -> int:
        """Frames that were sent and have not all their answers."""
        return self.sent - self.answered

    def refuse(self, why: str) -> None:
        """One more frame cannot be sent."""
        self.refused += 1
        if len(self.refusals) < REFUSALS_MAX:
            self.refusals.append(why)
