"""One frame that is replayed. Pure."""

from dataclasses import dataclass

from adapters.images import picture_size
from schemas.errors import Refused
from schemas.frames import Origin, RawHeaders
from sparring.dataset import Asked


@dataclass(frozen=True, slots=True)
class ReplayFrame:
    """number: its place in the source, from 0, the same whenever the source is read again. headers: its own, without
    those that say where it goes and as what. request_id: that it had when it was recorded; None: it never had one.
    origin: where it lies on a topic; None: elsewhere."""

    number: int
    asked: Asked
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
