"""What changed in each pair of a bucket (docs/compare.md has the columns), and the dataset of pairs.

The dataset has one Parquet file per bucket, in a folder that appears only when it is complete.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import polars as pl

from sparring.comparison.boxes import Bools, Floats, Ints
from sparring.comparison.coordinates import Look, PairSpaces
from sparring.comparison.detections import Detections, detections, unclassified
from sparring.comparison.joined import KEY, JoinedAnswers
from sparring.comparison.matching import Matches, match
from sparring.comparison.options import Options
from sparring.comparison.outputs import OutputDifference, difference
from sparring.comparison.side import OUT

OK: Final = "ok"
_MS: Final = 1e6


@dataclass(frozen=True)
class Pairs:
    """n pairs. table: a row for each. a, b, spaces, matches: their boxes, where boxes were compared."""

    table: pl.DataFrame
    a: Detections | None = None
    b: Detections | None = None
    spaces: PairSpaces | None = None
    matches: Matches | None = None


def pairs(both: JoinedAnswers, options: Options, boxes: bool, outputs: Sequence[str], look: Look) -> Pairs:
    """Compare.

    Args:
        both: one bucket.
        options: how.
        boxes: both sides have the output that holds boxes.
        outputs: names of the other outputs that both sides have.
        look: asked for the pictures' sizes where boxes cannot be compared without.
    """
    a, b = both.a, both.b
    columns = _known(a, b)
    answered = ((a["status"] == OK) & (b["status"] == OK)).fill_null(value=False).to_numpy()
    alike = (a["status"].eq_missing(b["status"]) & a["error"].eq_missing(b["error"])).to_numpy()
    change = np.zeros(a.height)
    one = two = spaces = matches = None
    if boxes:
        spaces = PairSpaces.of(a, b, options.boxes, columns["source"], look)
        one, two = detections(a, b, options, spaces.comparable)
        placed = [side.boxes.on_picture(lies) for side, lies in zip((one, two), spaces.placements, strict=True)]
        matches = match(placed[0], placed[1], options.iou, any_class=options.any_class)
        found, change = _boxes(one, two, matches)
        columns |= found | {"not_compared": spaces.not_compared}
    for name in outputs:
        differs = difference(a[f"{OUT}{name}"], b[f"{OUT}{name}"])
        columns |= _output(name, differs)
        change = np.maximum(change, differs.change)
    known = answered if spaces is None else answered & spaces.comparable
    judged = np.where(answered, np.where(known, change, np.nan), np.where(alike, 0.0, 1.0))
    columns["change"] = pl.Series(judged).fill_nan(None)
    return Pairs(pl.DataFrame(columns), one, two, spaces, matches)


def _known(a: pl.DataFrame, b: pl.DataFrame) -> dict[str, pl.Series]:
    """What needs no comparing."""
    columns = {"subject": a["subject"], "row": a["row"], "in": pl.repeat("both", a.height, eager=True)}
    columns["source"] = a["source"].zip_with(a["source"].is_not_null(), b["source"])
    columns["at"] = a["at"].zip_with(a["at"].is_not_null(), b["at"])
    for side, frame in (("a", a), ("b", b)):
        columns |= side_columns(side, frame)
    return columns


def side_columns(side: str, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """One side's own columns."""
    names = ("model", "model_version", "status", "error", "duplicates", "challengers")
    # Not from `at` to `published_at`: a frame that is replayed was produced long ago.
    total_ms = (frame["queued_ns"] + frame["decode_ns"] + frame["infer_ns"]) / _MS
    return {f"{name}_{side}": frame[name] for name in names} | {
        f"infer_ms_{side}": frame["infer_ns"] / _MS,
        f"total_ms_{side}": total_ms,
    }


def _boxes(a: Detections, b: Detections, matches: Matches) -> tuple[dict[str, pl.Series], Floats]:
    """The columns, and the change: what the union of both sides' boxes lacks of being matched with equal confidence."""
    n = len(a.given)
    owner = a.boxes.owners[matches.a]
    same = a.boxes.classes[matches.a] == b.boxes.classes[matches.b]
    apart = b.boxes.confidences[matches.b] - a.boxes.confidences[matches.a]
    known = ~np.isnan(apart)
    size = np.abs(np.where(known, apart, 0))
    matched = np.bincount(owner, minlength=n)
    union = a.boxes.counts + b.boxes.counts - matched
    kept = np.bincount(owner, weights=np.where(same, 1 - np.minimum(size, 1), 0), minlength=n)
    both_known = np.bincount(owner[known], minlength=n)
    largest = np.zeros(n)
    np.maximum.at(largest, owner, size)
    either = a.given | b.given
    lacking_a, lacking_b = unclassified(a, b)
    judged = either & ~(lacking_a | lacking_b)
    columns = {
        "boxes_a": _where(a.given, a.boxes.counts),
        "boxes_b": _where(b.given, b.boxes.counts),
        "matched": _where(either, matched),
        "matched_same_class": _where(either, np.bincount(owner[same], minlength=n)),
        "boxes_only_a": _where(either, a.boxes.counts - matched),
        "boxes_only_b": _where(either, b.boxes.counts - matched),
        "classes_shared": _where(judged, _shared(a, b)),
        "confidence_mean": _mean(np.bincount(owner[known], weights=apart[known], minlength=n), both_known),
        "confidence_abs_mean": _mean(np.bincount(owner, weights=size, minlength=n), both_known),
        "confidence_abs_max": _where(both_known > 0, largest),
        "malformed_a": pl.Series(a.malformed),
        "malformed_b": pl.Series(b.malformed),
    }
    return columns, np.where(union > 0, 1 - kept / np.maximum(union, 1), 0.0)


def _shared(a: Detections, b: Detections) -> Ints:
    """How many boxes agree in class alone, wherever they lie: the smaller number of each class, added up."""
    width = 2 + max(int(np.max(side.boxes.classes, initial=0)) for side in (a, b))
    of_a, sizes_a = np.unique(a.boxes.owners * width + a.boxes.classes + 1, return_counts=True)
    of_b, sizes_b = np.unique(b.boxes.owners * width + b.boxes.classes + 1, return_counts=True)
    both, in_a, in_b = np.intersect1d(of_a, of_b, assume_unique=True, return_indices=True)
    smaller = np.minimum(sizes_a[in_a], sizes_b[in_b])
    return np.bincount(both // width, weights=smaller, minlength=len(a.given)).astype(np.int64)


def _output(name: str, differs: OutputDifference) -> dict[str, pl.Series]:
    return {
        f"{OUT}{name}.abs_max": pl.Series(differs.abs_max).fill_nan(None),
        f"{OUT}{name}.agree": _where(differs.judged, differs.agree),
    }


def _where(rows: Bools, values: np.ndarray) -> pl.Series:
    """The values, null elsewhere."""
    return pl.Series(values).zip_with(pl.Series(rows), pl.Series([None], dtype=pl.Series(values).dtype))


def _mean(totals: np.ndarray, counts: Ints) -> pl.Series:
    return _where(counts > 0, totals / np.maximum(counts, 1))


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

    def write(self, table: pl.DataFrame, both: JoinedAnswers) -> None:
        """One bucket: its pairs, and the answers that have no partner."""
        lone = [_lone(side, frame) for side, frame in (("a", both.only_a), ("b", both.only_b))]
        whole = pl.concat([table, *lone], how="diagonal").sort(*KEY, "in", nulls_last=True)
        whole.write_parquet(self._unfinished / f"pairs-{self._files:05}.parquet", compression="zstd")
        self._files += 1


def _lone(side: str, frame: pl.DataFrame) -> pl.DataFrame:
    known = {name: frame[name] for name in (*KEY, "source", "at")}
    return pl.DataFrame(known | {"in": pl.repeat(side, frame.height, eager=True)} | side_columns(side, frame))
