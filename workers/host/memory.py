"""Which process fits into a host's memory limit, and which has outgrown it. Pure."""

from collections.abc import Mapping
from typing import Final

from schemas.limits import MIB
from schemas.names import ModelLane

_PROCESS_BYTES: Final = 200 * MIB
"""What a model process needs beside its model file."""


def expected_bytes(file_bytes: int) -> int:
    """Resident memory of a model process. A session holds the weights and their packed copies: twice the file is a
    fair guess."""
    return _PROCESS_BYTES + 2 * file_bytes


def outgrown(held: Mapping[ModelLane, int], expected: Mapping[ModelLane, int], limit_bytes: int) -> ModelLane | None:
    """Whose process is to be started anew: of all that hold more than they are expected to, the one that holds most
    beyond that.

    held: resident bytes now. None where all together keep the limit (0: there is none), and where nobody holds more
    than expected: then too many models were put here, and none would come back smaller.
    """
    if limit_bytes == 0 or sum(held.values()) <= limit_bytes:
        return None
    beyond = {lane: held[lane] - expected[lane] for lane in held}
    worst = max(beyond, key=lambda lane: (beyond[lane], lane))
    return worst if beyond[worst] > 0 else None
