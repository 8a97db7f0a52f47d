"""The pairs as a dataset: a Parquet file for each bucket, in a folder that is there only when it is whole."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from sparring.comparison.joined import KEY, Joined
from sparring.comparison.pairs import side_columns


class PairsFolder:
    """Use it in a `with` statement: the folder appears at its end, and not at all after an error."""

    def __init__(self, folder: Path) -> None:
        """Raises FileExistsError where the folder has files, NotADirectoryError where it is a file."""
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"out: {folder} has files already; expected a folder that is absent or empty")
        self._folder = folder.absolute()
        self._files = 0

    def __enter__(self) -> Self:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}-", dir=self._folder.parent))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            shutil.rmtree(self._unfinished)
            return
        self._unfinished.chmod(0o755)  # a folder of tempfile's is its owner's alone
        if self._folder.exists():
            self._folder.rmdir()
        self._unfinished.replace(self._folder)

    def write(self, table: pl.DataFrame, both: Joined) -> None:
        """One bucket: its pairs, and the answers that have no partner."""
        lone = [_lone(side, frame) for side, frame in (("a", both.only_a), ("b", both.only_b))]
        whole = pl.concat([table, *lone], how="diagonal").sort(*KEY, "in", nulls_last=True)
        whole.write_parquet(self._unfinished / f"pairs-{self._files:05}.parquet", compression="zstd")
        self._files += 1


def _lone(side: str, frame: pl.DataFrame) -> pl.DataFrame:
    known = {name: frame[name] for name in (*KEY, "source", "at")}
    return pl.DataFrame(known | {"in": pl.repeat(side, frame.height, eager=True)} | side_columns(side, frame))
