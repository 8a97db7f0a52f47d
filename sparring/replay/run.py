"""The loop of a replay: read a frame, send it, take answers, write them, note it.

Called by the command line and by tests. It must never write what it cannot send again: a frame is noted before it is
sent, and noted as done only when its answers are in a file.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, assert_never

from schemas.errors import FrameTooLarge, SparringError
from schemas.frames import Origin
from schemas.limits import MIB
from schemas.results import Answer
from sparring.broker import Delivery
from sparring.dataset import Asked, DatasetWriter
from sparring.replay.frame import ReplayFrame
from sparring.replay.journal import Journal
from sparring.replay.plan import Pace
from sparring.replay.recorded import Recorded
from sparring.replay.road import Delivered, Lost, Road

UNDER_WAY_FRAMES_MAX: Final = 256
UNDER_WAY_BYTES_MAX: Final = 64 * MIB
"""Sent and not yet answered: what the replay's own queues hold. A single frame may always go."""

ANSWER_S_MAX: Final = 300.0
"""Without any answer, while some are due. A model may take its time, and be started three times for one frame."""

PARTS_S_MAX: Final = 30.0
"""How long challengers' answers are waited for after the official one; those that come later are not in the dataset."""

EARLY_MAX: Final = 4 * UNDER_WAY_FRAMES_MAX
"""Answers to frames whose delivery is not reported yet, or that are done: an answer may come twice."""

REFUSALS_MAX: Final = 10
"""Of which the reason is kept; all are counted."""

WRITE_EVERY_S: Final = 10.0
_TURN_S: Final = 0.5


@dataclass(slots=True)
class Counts:
    """Of this run. frames: of all runs together where it is known. skipped: done by a run before; refused: too large
    to be sent; late: challengers' answers that were not waited for."""

    frames: int | None = None
    skipped: int = 0
    sent: int = 0
    answered: int = 0
    refused: int = 0
    late: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Frames that need nothing more, of all runs."""
        return self.skipped + self.answered + self.refused


@dataclass(slots=True)
class _UnderWay:
    """A frame that is sent. Its bytes are not kept. origin: where it was recorded; place: where it lies now."""

    number: int
    asked: Asked
    origin: Origin | None
    size_bytes: int
    picture_size: tuple[int, int] | None = None
    place: str | None = None
    official: Answer | None = None
    answered_s: float = 0.0
    shadows: dict[str, Answer] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.official is not None and len(self.shadows) >= self.official.parts


class Replay:
    """One run; `interrupt` may be called by a signal's handler.

    Args:
        journal: what was done before.
        recorded: what was answered then.
        road: where frames go.
        writer: where answers go.
        pace: how fast.
    """

    def __init__(
        self,
        journal: Journal,
        recorded: Recorded,
        road: Road,
        writer: DatasetWriter,
        pace: Pace,
    ) -> None:
        self.counts = Counts(journal.plan.frames)
        self._journal = journal
        self._recorded = recorded
        self._road = road
        self._writer = writer
        self._pace = pace
        self._under_way: dict[int, _UnderWay] = {}
        self._places: dict[str, int] = {}
        self._early: OrderedDict[str, list[Answer]] = OrderedDict()
        self._bytes = 0
        self._done: list[int] = []
        self._written_s = self._heard_s = time.monotonic()
        self._interrupted = threading.Event()

    def run(self, frames: Iterable[ReplayFrame]) -> bool:
        """Replay them all; False where it was interrupted: what was answered until then is written.

        Raises:
            ConnectionError: Kafka takes no frame, or gives no answer.
            SparringError: nothing was answered for ANSWER_S_MAX.
        """
        started_s, first_at, sent = 0.0, 0, 0
        for frame in frames:
            if self._journal.is_written(frame.number):
                self.counts.skipped += 1
                continue
            due_s = started_s + self._pace.due_s(sent, frame.asked.at - first_at) if sent else 0.0
            if not self._wait(due_s, len(frame.value)):
                break
            self._send(frame)
            if not sent:  # not before: a source, and Kafka's client, may take their time until the first frame is sent
                started_s, first_at = time.monotonic(), frame.asked.at
            sent += 1
        while self._under_way and not self._interrupted.is_set():
            self._turn(_TURN_S)
        self._write()
        return not self._interrupted.is_set()

    def interrupt(self) -> None:
        """Send nothing more, wait for nothing more, write what was answered."""
        self._interrupted.set()

    def _wait(self, due_s: float, size_bytes: int) -> bool:
        """Until the frame's time has come and there is room for it; False where it was interrupted."""
        while not self._interrupted.is_set():
            left_s = due_s - time.monotonic()
            room = not self._under_way or (
                len(self._under_way) < UNDER_WAY_FRAMES_MAX and self._bytes + size_bytes <= UNDER_WAY_BYTES_MAX
            )
            self._turn(0.0 if room and left_s <= 0 else min(_TURN_S, left_s) if room else _TURN_S)
            if room and left_s <= 0:
                return True
        return False

    def _send(self, frame: ReplayFrame) -> None:
        self._journal.sending(frame.number)
        if not self._under_way:
            self._heard_s = time.monotonic()
        try:
            self._road.send(frame)
        except FrameTooLarge as error:
            self.counts.refused += 1
            if len(self.counts.refusals) < REFUSALS_MAX:
                self.counts.refusals.append(str(error))
            return
        self._under_way[frame.number] = _UnderWay(
            frame.number, frame.asked, frame.origin, len(frame.value), frame.picture_size
        )
        self._bytes += len(frame.value)
        self.counts.sent += 1

    def _turn(self, within_s: float) -> None:
        """Take what has come, waiting for the first of it; write now and then."""
        event = self._road.take(within_s)
        while event is not None:
            match event:
                case Delivered(number=number, delivery=delivery):
                    self._delivered(number, delivery)
                case Lost(error=lost):
                    raise ConnectionError(f"answers can no longer be read: {lost}") from lost
                case Answer():
                    self._answered(event)
                case _:
                    assert_never(event)
            event = self._road.take(0)
        self._give_up_the_late()
        now_s = time.monotonic()
        if self._writer.full or now_s - self._written_s > WRITE_EVERY_S:
            self._write()
        if any(one.official is None for one in self._under_way.values()) and now_s - self._heard_s > ANSWER_S_MAX:
            raise SparringError(
                f"no answer for {ANSWER_S_MAX:g} s, and {len(self._under_way)} frames are under way; --resume goes on"
            )

    def _delivered(self, number: int, delivery: Delivery) -> None:
        if not isinstance(delivery, Origin):
            raise delivery
        place = str(delivery)
        one = self._under_way.get(number)
        if one is None:
            return
        one.place = place
        self._places[place] = number
        for answer in self._early.pop(place, []):
            self._answered(answer)

    def _answered(self, answer: Answer) -> None:
        """An answer may come before the report of its frame's delivery, and may come twice."""
        number = self._places.get(answer.frame)
        if number is None:
            self._early.setdefault(answer.frame, []).append(answer)
            while len(self._early) > EARLY_MAX:
                self._early.popitem(last=False)
            return
        one = self._under_way.get(number)
        if one is None:
            return
        self._heard_s = time.monotonic()
        if not answer.official:
            one.shadows.setdefault(f"{answer.model}@{answer.model_version}", answer)
        elif one.official is None:
            one.official, one.answered_s = answer, self._heard_s
        if one.complete:
            self._finish(one)

    def _give_up_the_late(self) -> None:
        now_s = time.monotonic()
        late = [one for one in self._under_way.values() if one.official and now_s - one.answered_s > PARTS_S_MAX]
        for one in late:
            self.counts.late += (one.official.parts if one.official else 0) - len(one.shadows)
            self._finish(one)

    def _finish(self, one: _UnderWay) -> None:
        """All its answers are there: into the dataset."""
        del self._under_way[one.number]
        self._places.pop(one.place or "", None)
        self._bytes -= one.size_bytes
        recorded = None if one.origin is None else self._recorded.get(str(one.origin))
        if one.official is not None:
            status = one.official.status
            self.counts.statuses[status] = self.counts.statuses.get(status, 0) + 1
            self._writer.add(one.asked, one.official, recorded, one.picture_size)
        for shadow in one.shadows.values():
            self._writer.add(one.asked, shadow, None, one.picture_size)
        self.counts.answered += 1
        self._done.append(one.number)

    def _write(self) -> None:
        self._journal.wrote(self._done, self._writer.flush())
        self._done = []
        self._written_s = time.monotonic()
