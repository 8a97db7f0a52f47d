"""The loop of a replay: read a frame, send it, take answers, write them, note it.

Called by the command line and by tests. It must never write what it cannot send again: a frame is noted before it is
sent, and noted as done only when its answers are in a file.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Final, assert_never

from schemas.errors import FrameTooLarge, SparringError
from schemas.frames import Origin
from schemas.results import Answer
from sparring.dataset.files import DatasetWriter
from sparring.kafka.broker import Delivery
from sparring.replay.frame import ReplayFrame
from sparring.replay.in_flight import FramesInFlight, InFlightFrame
from sparring.replay.journal import Journal
from sparring.replay.pending_frames import PendingFrames
from sparring.replay.plan import Pace, ReplayLimits
from sparring.replay.recorded import RecordedAnswers
from sparring.replay.transport import AnswersLost, Delivered, Event, ReplayTransport

_TURN_S: Final = 0.5


class Replay:
    """One run.

    Args:
        left: the frames, and whether it is interrupted; its counts are kept.
        journal: what was done before.
        recorded: what was answered then.
        road: where frames go.
        writer: where answers go.
        pace: how fast.
        limits: how much is under way, how long it waits.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        left: PendingFrames,
        journal: Journal,
        recorded: RecordedAnswers,
        road: ReplayTransport,
        writer: DatasetWriter,
        pace: Pace,
        limits: ReplayLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = left.counts
        self._left = left
        self._journal = journal
        self._recorded = recorded
        self._road = road
        self._writer = writer
        self._pace = pace
        self._limits = limits
        self._under_way = FramesInFlight(limits)
        self._clock = clock
        self._done: list[int] = []
        self._written_s = self._heard_s = clock()

    def run(self) -> bool:
        """Replay what is left; False where it was interrupted: what was answered until then is written, as it is before
        an error.

        Raises:
            ConnectionError: Kafka takes no frame, or gives no answer.
            SparringError: nothing was answered for too long.
            OSError: the source cannot be read, or nothing be written.
        """
        try:
            self._send_what_is_left()
            while self._under_way and not self._left.interrupted.is_set():
                self._turn(_TURN_S)
            self._write()
        except Exception:
            self._save()
            raise
        return not self._left.interrupted.is_set()

    def _send_what_is_left(self) -> None:
        started_s, first_at = 0.0, 0
        self.counts.passed_before = self.counts.passed
        for sent, frame in enumerate(self._left):
            due_s = started_s + self._pace.due_s(sent, frame.asked.at - first_at) if sent else 0.0
            if not self._wait(due_s, len(frame.value)):
                return
            self._send(frame)
            if not sent:  # not before: a source, and Kafka's client, may take their time until the first frame is sent
                started_s, first_at = self._clock(), frame.asked.at

    def _wait(self, due_s: float, size_bytes: int) -> bool:
        """Until the frame's time has come and there is room for it; False where it was interrupted."""
        while not self._left.interrupted.is_set():
            left_s = due_s - self._clock()
            room = self._under_way.has_room(size_bytes)
            self._turn(0.0 if room and left_s <= 0 else min(_TURN_S, left_s) if room else _TURN_S)
            if room and left_s <= 0:
                return True
        return False

    def _send(self, frame: ReplayFrame) -> None:
        self._journal.sending(frame.number)
        if not self._under_way:
            self._heard_s = self._clock()
        try:
            self._road.send(frame)
        except FrameTooLarge as error:
            self._journal.take_back(frame.number)
            self.counts.refuse(str(error))
            return
        self._under_way.add(frame)
        self.counts.sent += 1

    def _turn(self, within_s: float) -> None:
        """Take what has come, waiting for the first of it; write now and then."""
        self._take_what_came(within_s)
        now_s = self._clock()
        for one in self._under_way.late(now_s):
            self.counts.late += (one.official.parts if one.official else 0) - len(one.shadows)
            self._finish(one)
        if self._writer.full or now_s - self._written_s > self._limits.write_s:
            self._write()
        if now_s - self._heard_s > self._limits.answer_s and self._under_way.unanswered:
            raise SparringError(
                f"no answer for {self._limits.answer_s:g} s, and {len(self._under_way)} frames are under way; --resume "
                "goes on"
            )

    def _take_what_came(self, within_s: float = 0.0) -> None:
        event = self._road.take(within_s)
        while event is not None:
            self._take(event)
            event = self._road.take(0)

    def _take(self, event: Event) -> None:
        match event:
            case Delivered(number=number, delivery=delivery):
                self._delivered(number, delivery)
            case AnswersLost(error=lost):
                raise ConnectionError(f"answers can no longer be read: {lost}") from lost
            case Answer():
                self._answered(event)
            case _:
                assert_never(event)

    def _delivered(self, number: int, delivery: Delivery) -> None:
        match delivery:
            case Origin():
                for answer in self._under_way.delivered(number, str(delivery)):
                    self._answered(answer)
            case FrameTooLarge():
                if (one := self._under_way.take(number)) is not None:
                    self._journal.take_back(number)
                    self.counts.sent -= 1
                    self.counts.refuse(f"{one.asked.source}: {delivery}")
            case ConnectionError():
                raise delivery
            case _:
                assert_never(delivery)

    def _answered(self, answer: Answer) -> None:
        now_s = self._clock()
        one = self._under_way.answered(answer, now_s)
        if one is None:
            return
        self._heard_s = now_s
        if one.complete:
            self._finish(one)

    def _finish(self, one: InFlightFrame) -> None:
        """All its answers are there: into the dataset."""
        self._under_way.take(one.number)
        recorded = None if one.origin is None else self._recorded.get(str(one.origin))
        if one.official is not None:
            status = one.official.status
            self.counts.statuses[status] = self.counts.statuses.get(status, 0) + 1
            self._writer.add(one.asked, one.official, recorded, one.picture_size)
        for shadow in one.shadows.values():
            self.counts.shed += shadow.status == "shed"
            self._writer.add(one.asked, shadow, None, one.picture_size)
        self.counts.answered += 1
        self._done.append(one.number)

    def _save(self) -> None:
        """Write the answers that have arrived; an earlier error takes precedence."""
        while (event := self._road.take(0)) is not None:
            with contextlib.suppress(SparringError, OSError):
                self._take(event)
        with contextlib.suppress(SparringError, OSError):
            self._write()

    def _write(self) -> None:
        # Named once: whatever fails here, a later note without these files would say that their frames are in others.
        files = self._writer.flush()
        done, self._done = self._done, []
        self._journal.wrote(done, files)
        self._written_s = self._clock()
