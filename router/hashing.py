"""Weighted rendezvous hashing and positions on [0, 1): which arm of a split takes a request.

Pure and stable: the same key goes the same way for ever, on every machine, in every language
(test vectors are in docs/hash-vectors.json). Source of the rule: weighted rendezvous hashing, Schindelhauer
and Schomaker, "Weighted Distributed Hash Tables", 2005 (logarithmic method).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

SHARE_ARM: Final = "#share"
"""The arm whose hash decides whether a shadow deploy sees a request."""


@dataclass(frozen=True, slots=True)
class Salt:
    """What makes two splits independent: workspace, pipeline and the step's index."""

    workspace: str
    pipeline: str
    step: int


def unit(salt: Salt, arm: str, key: str) -> float:
    """A number in the open interval (0, 1), uniform over keys.

    h is BLAKE2b (8 bytes, big-endian) of workspace NUL pipeline NUL step NUL arm NUL key in UTF-8;
    the result is ((h >> 11) + 0.5) * 2**-53.
    """
    text = "\0".join((salt.workspace, salt.pipeline, str(salt.step), arm, key))
    h = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
    return ((h >> 11) + 0.5) * 2.0**-53


def choose_by_key(salt: Salt, arms: Sequence[tuple[str, int | float]], key: str) -> int:
    """Index of the arm (name, weight) with the smallest -ln(u) / weight; ties by name, weight 0 never.

    Changing one arm's weight moves keys only to or from that arm. At least one weight is above 0.
    """
    scores = (
        (-math.log(unit(salt, name, key)) / weight, name, index)
        for index, (name, weight) in enumerate(arms)
        if weight > 0
    )
    return min(scores)[2]


def choose_by_position(arms: Sequence[tuple[str, int | float]], position: float) -> int:
    """Index of the arm on whose share of [0, 1) the position lies; shares are half-open, in list order.

    1.0 is the last arm with a weight above 0. ValueError outside 0.0 to 1.0.
    """
    if not 0.0 <= position <= 1.0:
        raise ValueError(f"{position!r} is outside 0.0 to 1.0")
    total = math.fsum(weight for _name, weight in arms)
    upper = 0.0
    last = 0
    for index, (_name, weight) in enumerate(arms):
        if weight == 0:
            continue
        last = index
        upper += weight / total
        if position < upper:
            return index
    return last


def is_shadowed(salt: Salt, share: float, request_id: str) -> bool:
    """Whether the challengers of a shadow deploy see this request."""
    return unit(salt, SHARE_ARM, request_id) < share
