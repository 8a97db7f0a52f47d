"""Argument types of several commands, for argparse's `type`: pipelines, durations, times, counts."""

import argparse
import re
import time
from datetime import datetime
from typing import Final

from schemas.names import PipelineName

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN: Final = re.compile(r"([0-9]{1,9})([smhd])")


def pipeline(text: str) -> PipelineName:
    """NAME or WORKSPACE/NAME."""
    try:
        return PipelineName.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def span(text: str) -> int:
    """`30s`, `10m`, `2h`, `7d`, as milliseconds."""
    if length := _SPAN.fullmatch(text):
        return int(length[1]) * _SECONDS[length[2]] * 1000
    raise argparse.ArgumentTypeError(f"{text!r}; expected 30s, 10m, 2h or 7d")


def past(text: str) -> int:
    """`30s`, `10m`, `2h`, `1d` ago, or an ISO time, as Unix milliseconds. Without a zone: local time."""
    now_s = time.time()
    if _SPAN.fullmatch(text):
        return int(now_s * 1000) - span(text)
    try:
        at_s = datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"{text!r}; expected 30s, 10m, 2h, 1d, or a time such as 2026-01-31T08:00 or 2026-01-31T08:00:00Z"
        ) from None
    if at_s > now_s:
        raise argparse.ArgumentTypeError(f"{text!r} lies in the future")
    return int(at_s * 1000)


def count(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or not 0 < int(text) < 10**12:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number above 0")
    return int(text)
