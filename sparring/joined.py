"""An official answer and its challengers' answers brought together from two streams. Pure.

Both streams are in the order of time. A challenger may come after its champion by as much as its lane is
behind; whoever joins says how long the late are waited for.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.results import Answer

OPEN_MAX: Final = 10_000
"""Official answers that wait for their challengers at once; then the oldest waits no longer."""

SEEN_MAX: Final = 100_000
"""Request ids that are remembered, so that an answer that stands twice on a topic is given once."""


@dataclass(slots=True)
class Joined:
    """One request. challengers: of the official answer's pipeline version, as far as they came."""

    official: Answer
    challengers: dict[str, Answer] = field(default_factory=dict)
    """By `name@version`."""

    @property
    def complete(self) -> bool:
        """Whether every challenger has answered."""
        return len(self.challengers) >= self.official.parts


def join(officials: Iterable[Answer], shadows: Iterable[Answer], late_ms: int) -> Iterator[Joined]:
    """Each request once, in the order of its official answer.

    Args:
        officials: from `results`; a second answer of a request is passed over.
        shadows: from `shadows`, read from no later than the officials are.
        late_ms: a challenger that is published so much later than its champion is not waited for.
    """
    waiting = _Waiting(late_ms)
    seen: OrderedDict[str, None] = OrderedDict()
    coming = iter(shadows)
    shadow = next(coming, None)
    for official in officials:
        if official.request_id in seen:
            continue
        seen[official.request_id] = None
        _bounded(seen, SEEN_MAX)
        while shadow is not None and shadow.published_at <= official.published_at:
            waiting.challenger(shadow)
            shadow = next(coming, None)
        waiting.champion(official)
        yield from waiting.done(official.published_at)
    while shadow is not None and shadow.published_at <= waiting.last_ms() + late_ms:
        waiting.challenger(shadow)
        shadow = next(coming, None)
    yield from waiting.open.values()


@dataclass(slots=True)
class _Waiting:
    late_ms: int
    open: OrderedDict[str, Joined] = field(default_factory=OrderedDict)
    early: OrderedDict[str, dict[str, Answer]] = field(default_factory=OrderedDict)
    """A challenger may be faster than its champion."""

    def champion(self, official: Answer) -> None:
        early = self.early.pop(official.request_id, {})
        self.open[official.request_id] = Joined(official, _matching(early, official))

    def challenger(self, shadow: Answer) -> None:
        arm = f"{shadow.model}@{shadow.model_version}"
        one = self.open.get(shadow.request_id)
        if one is None:
            self.early.setdefault(shadow.request_id, {})[arm] = shadow
            _bounded(self.early, OPEN_MAX)
        elif shadow.published_at <= one.official.published_at + self.late_ms:
            one.challengers |= _matching({arm: shadow}, one.official)

    def done(self, now_ms: int) -> Iterator[Joined]:
        """From the oldest on, those that are complete, too old, or too many."""
        while self.open:
            first = next(iter(self.open.values()))
            old = first.official.published_at < now_ms - self.late_ms
            if not (first.complete or old or len(self.open) > OPEN_MAX):
                return
            del self.open[first.official.request_id]
            yield first

    def last_ms(self) -> int:
        return max((one.official.published_at for one in self.open.values()), default=0)


def _matching(answers: dict[str, Answer], official: Answer) -> dict[str, Answer]:
    """Those of the winning answer's version count as its parts."""
    return {arm: one for arm, one in answers.items() if one.pipeline_version == official.pipeline_version}


def _bounded(memory: "OrderedDict[str, Any]", most: int) -> None:
    while len(memory) > most:
        memory.popitem(last=False)
