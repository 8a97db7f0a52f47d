"""What a comparison found: all that a page, a table and a program are made of. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparring.comparison.changed import Changed
from sparring.comparison.options import Options


@dataclass(frozen=True)
class Outcome:
    """totals: nested dictionaries of numbers, as `sparring compare --json` prints them. changed: the fifty pairs that
    changed most, the first one most, with their boxes. folders: A's and B's; recorded: A is what was recorded beside B.
    """

    totals: dict[str, Any]
    changed: Sequence[Changed]
    options: Options
    folders: tuple[Path, Path]
    recorded: bool = False
