"""Recent writes, kept until Redis can no longer lose them.

Redis confirms a write before its disk has it: killed, it forgets up to two seconds, and a replica that takes over may
lack as much. A number stands behind each write, and what Redis has it has in order: an older number than the last that
it confirmed says exactly what is missing. And since this process may end together with Redis, what Redis may still
forget is not committed: the next indexer reads it again.
"""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.errors import SparringError
from schemas.limits import INDEX_KEPT_BYTES_MAX, INDEX_KEPT_S
from schemas.results import Answer

log = logging.getLogger(__name__)

_HEADERS_BYTES: Final = 1_000
"""About as much as an answer's headers take."""

Receipt = Callable[[], object]
"""Acknowledges a record: it may be committed."""


class IndexWriter(Protocol):
    """What is needed of `adapters.redis.AnswerIndex`."""

    def write(self, answers: Sequence[Answer], mark: tuple[str, int] | None = None) -> int:
        """Write, and set a mark behind; returns the one before."""

    def mark(self, indexer: str) -> int:
        """The mark that is there."""


@dataclass(slots=True)
class _Written:
    number: int
    at_s: float
    answers: Sequence[Answer] | None
    """None: there were too many, they cannot be written again."""
    size_bytes: int
    receipts: Sequence[Receipt]


class UnflushedWrites:
    """Writes answers, and writes again what Redis had confirmed and has no more. Safe for threads.

    Args:
        index: where they are written.
        clock: seconds that only grow.
    """

    def __init__(self, index: IndexWriter, clock: Callable[[], float] = time.monotonic) -> None:
        self._index = index
        self._clock = clock
        self._name = uuid.uuid4().hex
        self._confirmed = 0
        self._kept: deque[_Written] = deque()
        self._kept_bytes = 0
        self._lost_after: int | None = None
        """Writes behind this number are missing; None: nothing is."""
        self._lock = threading.Lock()

    def write(self, answers: Sequence[Answer], receipts: Sequence[Receipt] = ()) -> list[Receipt]:
        """Write them; when this returns they are there, and so is what was written before.

        receipts: of the records that they came from. Returns those of earlier writes that Redis cannot forget any more.

        Raises:
            RetryLater: Redis did not confirm all of them. Write them again.
            SparringError: Redis lost what cannot be written again; `verify` raises it, too.
        """
        with self._lock:
            number = self._confirmed + 1
            # A write that was not confirmed may have been done all the same: its number may stand there already.
            self._compare(self._index.write(answers, (self._name, number)))
            self._rewrite(number)
            self._confirmed = number
            size_bytes = sum(len(answer.value) + _HEADERS_BYTES for answer in answers)
            self._kept.append(_Written(number, self._clock(), answers, size_bytes, receipts))
            self._kept_bytes += size_bytes
            return self._drop_durable()

    def verify(self) -> list[Receipt]:
        """Whether Redis still has everything, while nothing is written. Returns receipts as `write` does. RetryLater
        where Redis does not answer."""
        with self._lock:
            self._compare(self._index.mark(self._name))
            self._rewrite(self._confirmed)
            return self._drop_durable()

    def _compare(self, found: int) -> None:
        if found < self._confirmed:
            self._lost_after = min(found, self._confirmed if self._lost_after is None else self._lost_after)

    def _rewrite(self, number: int) -> None:
        """number: of the newest write. The mark is the older one until all is there: Redis may go away again."""
        if self._lost_after is None:
            return
        if any(one.number > self._lost_after and one.answers is None for one in self._kept):
            raise SparringError(
                "Redis lost answers that are not kept, there were too many; none of them is committed: the next "
                "indexer reads them again"
            )
        self._index.write((), (self._name, self._lost_after))
        again, older = 0, self._confirmed - self._lost_after
        for one in self._kept:
            if one.number > self._lost_after:
                self._index.write(one.answers or ())
                one.at_s = self._clock()
                again, older = again + len(one.answers or ()), older - 1
        self._index.write((), (self._name, number))
        log.warning("Redis had lost %d answers that it had confirmed: they are written again", again)
        if older:
            log.error("Redis lost older answers as well, %d writes: `sparring index rebuild` restores them", older)
        self._lost_after = None

    def _drop_durable(self) -> list[Receipt]:
        """Of what is old by now, and of the oldest answers where there is too much. Redis has just answered: what it
        has had for so long it cannot forget."""
        safe: list[Receipt] = []
        while self._kept and self._kept[0].at_s < self._clock() - INDEX_KEPT_S:
            oldest = self._kept.popleft()
            self._kept_bytes -= oldest.size_bytes
            safe += oldest.receipts
        for one in self._kept:
            if self._kept_bytes <= INDEX_KEPT_BYTES_MAX:
                break
            self._kept_bytes -= one.size_bytes
            one.answers, one.size_bytes = None, 0
        return safe
