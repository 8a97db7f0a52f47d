"""What reading a source gives: a frame that is replayed, or why there is none. Pure."""

from dataclasses import dataclass

from adapters.images.decode import picture_size
from schemas.errors import Refused
from schemas.frames import Origin, RawHeaders
from sparring.dataset.outputs import FrameFacts


@dataclass(frozen=True, slots=True)
class ReplayFrame:
    """number: its place in the source, from 0, the same whenever the source is read again. headers: its own, without
    those that say where it goes and as what. request_id: that it had when it was recorded; None: it never had one.
    origin: where it lies on a topic; None: elsewhere."""

    number: int
    asked: FrameFacts
    key: bytes | None
    value: bytes
    headers: RawHeaders
    request_id: str | None = None
    origin: Origin | None = None

    @property
    def picture_size(self) -> tuple[int, int] | None:
        """Width and height, upright; None where the value is no whole picture."""
        try:
            return picture_size(self.value)
        except Refused:
            return None


@dataclass(frozen=True, slots=True)
class UnreadableFrame:
    """What the source names and cannot be sent. number: that of its frame; why: begins with its name."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class ExpiredFrames:
    """Records of one partition that its topic no longer has. numbers: those that their frames would have; their step
    is that from one offset to the next."""

    numbers: range


@dataclass(frozen=True, slots=True)
class FrameOfOtherPipeline:
    """A frame of another pipeline, which lies in the range."""


Reading = ReplayFrame | UnreadableFrame | ExpiredFrames | FrameOfOtherPipeline
