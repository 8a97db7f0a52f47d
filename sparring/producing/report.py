"""How sending one frame ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from schemas.errors import FrameTooLarge
from schemas.frames import Origin
from sparring.broker import Delivery
from sparring.sender import Sent


@dataclass(frozen=True, slots=True)
class Report:
    """Of one frame: where it lies, or why it is not known to.

    request_id: its answer is found by it. name: the path that it was read from, or empty. size_bytes: of its value.
    place: `topic`, `partition`, `offset`; None where it was not confirmed. error: None where it was. After a
    ConnectionError the frame may be there all the same; sent again with its request id it does no harm.
    """

    request_id: str
    name: str
    size_bytes: int
    place: Origin | None
    error: FrameTooLarge | ConnectionError | None

    @classmethod
    def of(cls, sent: Sent, delivery: Delivery) -> Self:
        """The report on this frame."""
        if isinstance(delivery, Origin):
            return cls(sent.request_id, sent.name, sent.size_bytes, delivery, None)
        return cls(sent.request_id, sent.name, sent.size_bytes, None, delivery)

    @property
    def confirmed(self) -> bool:
        """Whether every in-sync replica of Kafka has the frame."""
        return self.place is not None


OnReport = Callable[[Report], None]
