"""The result of a comparison, for a notebook, a program and a page."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sparring.comparison.changed import ChangedPair
from sparring.comparison.options import Options
from sparring.vision.coco import checked_names

if TYPE_CHECKING:
    import pandas as pd

    from sparring.client import Client
    from sparring.comparison.report.pictures import Connect


@dataclass(frozen=True)
class ComparisonResult:
    """totals: nested dictionaries of numbers, as `sparring compare --json` prints them. changed: the fifty pairs that
    changed most, the first one most, with their boxes. folders: A's and B's; recorded: A is what was recorded beside B.
    """

    totals: dict[str, Any]
    changed: Sequence[ChangedPair]
    options: Options
    folders: tuple[Path, Path]
    recorded: bool = False


_CHANGED_IN_NOTEBOOK: Final = 10


@dataclass(frozen=True)
class Comparison(ComparisonResult):
    """An outcome that can be looked at: `totals`, `changed`, `options`, `folders`, `recorded`, and what shows them."""

    def table(self) -> "pd.DataFrame":
        """The pairs that changed most, at most fifty, a row each: the columns of the dataset of pairs."""
        import pandas as pd  # noqa: PLC0415  # slow to load; the command line needs none

        return pd.DataFrame([one.facts for one in self.changed])

    def save_html(
        self,
        path: str | os.PathLike[str],
        class_names: Sequence[str] | str | None = None,
        client: "Client | None" = None,
    ) -> None:
        """Write one HTML page with the totals and the pairs that changed most, each on its picture with both sides'
        boxes. It is complete by itself: pictures lie in it, at most 900 pixels large.

        Args:
            path: of the file; one that is there is replaced.
            class_names: by class number; `'coco'`: the 80 names of COCO; None: the numbers are shown.
            client: fetches the frames that lie in a topic. None: these pairs have no picture, and the page says so.

        Raises:
            TypeError: an argument of the wrong type.
            OSError: the file cannot be written.
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path: {type(path).__name__}; expected the path of a file")
        connect, names = connected(client), checked_names(class_names)
        from sparring.comparison.report.page import write_page  # noqa: PLC0415  # OpenCV is slow to load

        write_page(self, Path(path), names, connect)

    def _repr_html_(self) -> str:
        """For a notebook: the totals, and what changed most."""
        from sparring.comparison.report.page import notebook  # noqa: PLC0415  # OpenCV is slow to load

        return notebook(self, _CHANGED_IN_NOTEBOOK)


def connected(client: "Client | None") -> "Connect":
    """How a client's frames are reached. TypeError where it is none."""
    from sparring.client import Client  # noqa: PLC0415  # with Kafka's client

    if client is None:
        return None
    if not isinstance(client, Client):
        raise TypeError(f"client: {type(client).__name__}; expected a Client, or None")
    return lambda: nullcontext(client._connection)  # noqa: SLF001  # a client's own room
