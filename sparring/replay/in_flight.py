"""Frames that were sent and have not all their answers: reports and answers find them here, in whatever order.

Called by the loop alone. No I/O, and no clock: times are given, in seconds.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.frames import Origin
from schemas.results import Answer
from sparring.dataset.outputs import FrameFacts
from sparring.replay.frame import ReplayFrame
from sparring.replay.plan import ReplayLimits


@dataclass(slots=True)
class InFlightFrame:
    """A frame that is sent. Its bytes are not kept. origin: where it was recorded; place: where it lies now."""

    number: int
    asked: FrameFacts
    origin: Origin | None
    size_bytes: int
    picture_size: tuple[int, int] | None = None
    place: str | None = None
    official: Answer | None = None
    answered_s: float = 0.0
    shadows: dict[str, Answer] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether no answer is due any more."""
        return self.official is not None and len(self.shadows) >= self.official.parts


class FramesInFlight:
    """By their numbers."""

    def __init__(self, limits: ReplayLimits) -> None:
        self._limits = limits
        self._sent: dict[int, InFlightFrame] = {}
        self._places: dict[str, int] = {}
        self._early: OrderedDict[str, list[Answer]] = OrderedDict()
        self._bytes = 0
        self._challenged_s = 0.0

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def unanswered(self) -> bool:
        """Whether an official answer is due."""
        return any(one.official is None for one in self._sent.values())

    def has_room(self, size_bytes: int) -> bool:
        """Whether a frame of this size may be sent now."""
        few = len(self._sent) < self._limits.frames
        return not self._sent or (few and self._bytes + size_bytes <= self._limits.size_bytes)

    def add(self, frame: ReplayFrame) -> None:
        """This frame is sent."""
        size_bytes = len(frame.value)
        self._sent[frame.number] = InFlightFrame(
            frame.number, frame.asked, frame.origin, size_bytes, frame.picture_size
        )
        self._bytes += size_bytes

    def delivered(self, number: int, place: str) -> Iterable[Answer]:
        """The frame is delivered; returns its answers that arrived before this report, for `answered`."""
        one = self._sent.get(number)
        if one is None:
            return ()
        one.place = place
        self._places[place] = number
        return self._early.pop(place, ())

    def answered(self, answer: Answer, now_s: float) -> InFlightFrame | None:
        """The frame of an answer. None: the answer is kept until its frame's delivery report, or is a duplicate."""
        number = self._places.get(answer.frame)
        if number is None:
            self._early.setdefault(answer.frame, []).append(answer)
            while len(self._early) > self._limits.early:
                self._early.popitem(last=False)
            return None
        one = self._sent[number]
        if not answer.official:
            one.shadows.setdefault(f"{answer.model}@{answer.model_version}", answer)
            self._challenged_s = now_s
        elif one.official is None:
            one.official, one.answered_s = answer, now_s
        return one

    def late(self, now_s: float) -> list[InFlightFrame]:
        """Those of which only challengers' answers are due, while none has come for too long."""
        since_s = now_s - self._limits.parts_s
        if self._challenged_s > since_s:
            return []
        return [one for one in self._sent.values() if one.official is not None and one.answered_s < since_s]

    def take(self, number: int) -> InFlightFrame | None:
        """It is no longer under way; None where it was not."""
        one = self._sent.pop(number, None)
        if one is not None:
            self._places.pop(one.place or "", None)
            self._bytes -= one.size_bytes
        return one
