"""The time of day, as records, answers and beats carry it."""

import time


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
