"""What a comparison found, for a notebook, a program and a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparring.comparison.changed import Changed
from sparring.comparison.options import Options

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """totals: nested dictionaries of numbers, as `sparring compare --json` prints them. changed: the fifty pairs that
    changed most, the first one most, with their boxes. folders: A's and B's; recorded: A is what was recorded beside B.
    """

    totals: dict[str, Any]
    changed: Sequence[Changed]
    options: Options
    folders: tuple[Path, Path]
    recorded: bool = False

    def table(self) -> "pd.DataFrame":
        """The pairs that changed most, at most fifty, a row each: the columns of the dataset of pairs."""
        import pandas as pd  # noqa: PLC0415  # slow to load; the command line needs none

        return pd.DataFrame([one.facts for one in self.changed])
