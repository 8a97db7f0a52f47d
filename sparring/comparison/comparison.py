"""What a comparison found, for a notebook, a program and a page."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sparring.comparison.changed import Changed
from sparring.comparison.options import Options
from sparring.vision.coco import checked_names

if TYPE_CHECKING:
    import pandas as pd

    from sparring.client import Client
    from sparring.connection import Connection

_CHANGED_IN_NOTEBOOK: Final = 10


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
        from sparring.client import Client  # noqa: PLC0415  # with Kafka's client

        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path: {type(path).__name__}; expected the path of a file")
        if client is not None and not isinstance(client, Client):
            raise TypeError(f"client: {type(client).__name__}; expected a Client, or None")
        names = checked_names(class_names)
        connection = None if client is None else client._connection  # noqa: SLF001  # a client's own room
        write_page(self, Path(path), names, None if connection is None else lambda: nullcontext(connection))

    def _repr_html_(self) -> str:
        """For a notebook: the totals, and what changed most."""
        from sparring.comparison.page import notebook  # noqa: PLC0415  # a page imports this module

        return notebook(self, _CHANGED_IN_NOTEBOOK)


def write_page(
    found: Comparison,
    path: Path,
    class_names: Sequence[str] | None,
    connect: "Callable[[], AbstractContextManager[Connection]] | None",
) -> None:
    """`save_html`, of what was checked. connect: opens a connection, only where a frame lies in a topic."""
    from sparring.comparison.page import page  # noqa: PLC0415  # a page imports this module
    from sparring.comparison.pictures import pictures  # noqa: PLC0415  # OpenCV is slow to load

    sources = [one.facts["source"] for one in found.changed if one.facts["source"]]
    path.write_text(page(found, pictures(sources, connect), class_names), encoding="utf-8")
