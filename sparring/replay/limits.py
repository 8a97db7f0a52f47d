"""How much of a replay is under way, and how long it waits, in one table."""

from dataclasses import dataclass
from typing import Final

from schemas.limits import MIB

OWN_PARTS_S_MAX: Final = 120.0
"""`Limits.parts_s` of a replay with a router and a host of its own: a challenger that is slow, or steps back behind the
champion, keeps nobody else waiting."""


@dataclass(frozen=True, slots=True)
class Limits:
    """frames, size_bytes: sent and not yet answered: what the replay's own queues hold; a single frame may always go.

    answer_s: without any answer, while official ones are due; a model may take its time, and be started three times for
    one frame. parts_s: without any challenger's answer, while only such are due; those that come later are not in the
    dataset. early: places of answers that came before their frame's delivery was reported, or again when it was done.
    write_s: from one writing to the next.
    """

    frames: int = 256
    size_bytes: int = 64 * MIB
    answer_s: float = 300.0
    parts_s: float = 30.0
    early: int = 1024
    write_s: float = 10.0
