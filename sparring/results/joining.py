"""An official result and its challengers' brought together, in any order of coming. Pure: the time is passed in."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from sparring.results.result import JoinedResult, Result


@dataclass(slots=True)
class _Open:
    official: Result
    challengers: dict[str, Result] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return len(self.challengers) >= self.official.parts


class Joiner:
    """Joins official results and challengers, in any order, into one result per request, in the order of `release`.

    Each must be taken once. A challenger belongs to the official result of its own pipeline version.

    Args:
        late_ms: a challenger that is published so much later than its champion is not waited for; nor is a champion
            that is so much later than its challenger.
        window: requests whose turn it is, and challengers that are early, that wait at most; then the oldest waits no
            longer.
    """

    def __init__(self, late_ms: float, window: int) -> None:
        self._late_ms = late_ms
        self._window = window
        self._open: dict[tuple[str, str], _Open] = {}
        self._turns: deque[_Open] = deque()
        self._early: OrderedDict[str, Result] = OrderedDict()
        self._early_by_request: dict[tuple[str, str], set[str]] = {}

    def take(self, result: Result) -> list[Result]:
        """Add a result. Returns results for which nothing waits any more: they are in no `JoinedResult`."""
        request = _request(result)
        if result.official:
            if request in self._open:
                return [result]  # so many results lie between that the first one is forgotten
            one = self._open[request] = _Open(result)
            return [early for early in self._early_of(request) if not self._is_taken(one, early)]
        waiting = self._open.get(request)
        if waiting is not None:
            return [] if self._is_taken(waiting, result) else [result]
        self._early[result.place] = result
        self._early_by_request.setdefault(request, set()).add(result.place)
        return []

    def release(self, official: Result) -> None:
        """Release an official result behind those released before. Its challengers are gathered from the time at which
        it was taken."""
        self._turns.append(self._open[_request(official)])

    def ready(self, watermark_ms: float) -> Iterator[JoinedResult]:
        """From the oldest on, those that are complete, too old, or too many, when all that was published until
        `watermark_ms` has been taken."""
        while self._turns:
            one = self._turns[0]
            old = one.official.answer.published_at + self._late_ms < watermark_ms
            if not (one.complete or old or len(self._turns) > self._window):
                return
            self._turns.popleft()
            del self._open[_request(one.official)]
            yield JoinedResult(one.official, one.challengers, max(0, one.official.parts - len(one.challengers)))

    def given_up(self, watermark_ms: float) -> Iterator[Result]:
        """Challengers whose champion did not come in time."""
        while self._early:
            first = next(iter(self._early.values()))
            old = first.answer.published_at + self._late_ms < watermark_ms
            if not (old or len(self._early) > self._window):
                return
            self._let_go(first)
            yield first

    def _is_taken(self, one: _Open, challenger: Result) -> bool:
        official = one.official
        late_ms = abs(challenger.answer.published_at - official.answer.published_at)
        if challenger.pipeline_version != official.pipeline_version or late_ms > self._late_ms:
            return False
        one.challengers[challenger.arm] = challenger
        return True

    def _early_of(self, request: tuple[str, str]) -> list[Result]:
        found = [self._early[place] for place in sorted(self._early_by_request.get(request, ()))]
        for one in found:
            self._let_go(one)
        return found

    def _let_go(self, early: Result) -> None:
        del self._early[early.place]
        request = _request(early)
        places = self._early_by_request[request]
        places.discard(early.place)
        if not places:
            del self._early_by_request[request]


def _request(result: Result) -> tuple[str, str]:
    return (result.pipeline, result.request_id)
