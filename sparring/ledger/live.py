"""Which versions of a pipeline were live when, by its history in the catalog. Unix milliseconds throughout. Pure."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from schemas.catalog import Switch
from sparring.ledger.facts import Sent, Told

SWITCH_SLACK_MS: Final = 60_000
"""How much the clocks of a producer, a broker and a service may differ. A switch that close to a frame may be before
it or after."""


def live_between(history: Sequence[Switch], since: int, until: float = math.inf) -> tuple[str | None, ...]:
    """The versions that were live at any moment from `since` to `until`; None among them: for a moment none was."""
    first = bisect_left(history, since, key=lambda switch: switch.at)
    found: dict[str | None, None] = {history[first - 1].version if first else None: None}
    while first < len(history) and history[first].at <= until:
        found[history[first].version] = None
        first += 1
    return tuple(found)


def live_for(frame: Sent, told: Told) -> tuple[str | None, ...]:
    """The versions that a router may have known when it took the frame, which was answered so: from the frame's own
    time on, since it may have waited, until its answer's. A camera's clock that is further ahead says nothing."""
    ahead = frame.produced_at > told.published_at + SWITCH_SLACK_MS
    since = 0 if ahead else frame.produced_at - SWITCH_SLACK_MS
    return live_between(frame.history, since, told.published_at + SWITCH_SLACK_MS)
