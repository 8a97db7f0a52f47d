"""The whole: two sides in; totals, the pairs that differ most, and a dataset of all pairs out.

Memory is bounded: one piece of both sides, the worst pairs, and totals.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from sparring.compare.buckets import bucketed
from sparring.compare.pairs import PAIR, Rules, compared, joined
from sparring.compare.side import Side, sides, wider
from sparring.compare.totals import Totals

if TYPE_CHECKING:
    import pandas as pd

WORST: Final = 50
"""Pairs that are kept to be looked at."""

_NUMBERS: Final = pl.List(pl.Float64)


@dataclass(slots=True)
class Comparison:
    """first, second: what people see of each side. outputs: that both have. worst: pairs that differ most, first the
    most, with both sides' rows: the columns of both, the second's ending in `_second`, and those of a pair."""

    first: str
    second: str
    rules: Rules
    outputs: list[str]
    totals: Totals = field(default_factory=Totals)
    worst: pl.DataFrame = field(default_factory=pl.DataFrame)

    def facts(self) -> dict[str, Any]:
        """Everything in numbers."""
        return {"first": self.first, "second": self.second, "outputs": self.outputs, **self.totals.facts()}

    def table(self) -> "pd.DataFrame":
        """The pairs that differ most, at most WORST, one row each: the columns of the dataset of pairs."""
        import pandas as pd  # noqa: PLC0415  # only who looks at it in a notebook needs it

        if self.worst.is_empty():
            return pd.DataFrame(columns=list(PAIR))
        return pd.DataFrame(self.worst.select(list(PAIR)).to_dict(as_series=False))

    def _repr_html_(self) -> str:
        from sparring.compare.page import totals_table  # noqa: PLC0415  # as above

        return totals_table(self)


def compare(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str] | None = None,
    *,
    iou: float = 0.5,
    any_class: bool = False,
    confidence_min: float = 0.0,
    model_first: str | None = None,
    model_second: str | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Compare two results datasets, request by request.

    Args:
        first: folder of a results dataset, as `sparring replay --out` writes it.
        second: another; None: the answers of `first` beside those that its frames had when they were recorded.
        iou: least intersection over union of two boxes that are taken for the same, above 0, at most 1.
        any_class: also boxes of different classes.
        confidence_min: boxes below are left out, 0.0 to 1.0.
        model_first: of `first` only the answers of this model, `name` or `name@version`, also as a challenger; None:
            the official ones.
        model_second: likewise of `second`.
        out: folder of a Parquet dataset that is written, one row for each pair; None: none is.

    Raises:
        FileNotFoundError: a folder has no results dataset.
        ValueError: an argument is wrong, or the sides have nothing in common.
    """
    one, other = sides(first, second)
    rules = Rules(iou_min=iou, any_class=any_class, confidence_min=confidence_min)
    return compare_sides(
        replace(one, model=model_first), replace(other, model=model_second), rules, None if out is None else Path(out)
    )


def compare_sides(
    first: Side, second: Side, rules: Rules, out: Path | None = None, told: Callable[[int], None] = lambda _: None
) -> Comparison:
    """Compare two sides. told: hears how many more rows are read. Otherwise as `compare`."""
    first, second = _called_alike(first, second)
    outputs = common_outputs(first, second, rules)
    found = Comparison(first.title, second.title, rules, sorted(outputs))
    writer = None if out is None else _Pairs(out)
    with bucketed(first, second, outputs, told) as pieces:
        for one, other in pieces:
            both, counts = joined(one, other)
            found.totals.count(counts)
            if both.is_empty():
                continue
            pairs = compared(both, outputs, rules)
            found.totals.add(pairs)
            found.worst = _worst(found.worst, both, pairs)
            if writer is not None:
                writer.write(pairs)
    return found


def common_outputs(first: Side, second: Side, rules: Rules) -> dict[str, Any]:
    """The outputs that both sides have, each with the wider of its types. ValueError where there is none."""
    one, other = first.outputs(), second.outputs()
    common = {name: wider(kind, other[name]) for name, kind in one.items() if name in other}
    if not common:
        raise ValueError(
            f"the sides have no output in common: {first.title} has {', '.join(one) or 'none'}, {second.title} has "
            f"{', '.join(other) or 'none'}"
        )
    for name in (rules.boxes, rules.confidences):
        if name in common:
            common[name] = _NUMBERS
    return common


def _called_alike(first: Side, second: Side) -> tuple[Side, Side]:
    """Where each side has one output, they are compared, whatever their names: models name theirs as they like."""
    one, other = first.outputs(), second.outputs()
    if len(one) == len(other) == 1 and one.keys() != other.keys():
        second = replace(second, alias=(next(iter(other)), next(iter(one))))
    return first, second


def _worst(known: pl.DataFrame, both: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs that differ most, of those that are known and these; none that does not differ at all."""
    candidates = pairs.with_row_index("at").filter(pl.col("change") > 0).top_k(WORST, by="change")
    if candidates.is_empty():
        return known
    rows = both[candidates["at"].to_list()]
    own = candidates.select([name for name in candidates.columns if name not in {*rows.columns, "at"}])
    found = pl.concat([rows, own], how="horizontal")
    everything = found if known.is_empty() else pl.concat([known, found])
    return everything.sort(["change", "subject", "row"], descending=[True, False, False]).head(WORST)


class _Pairs:
    """Writes the dataset of pairs, a file for each piece."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ValueError(f"out: {folder} is not empty; expected a new folder, or an empty one")
        self._folder = folder
        self._files = 0

    def write(self, pairs: pl.DataFrame) -> None:
        self._files += 1
        pairs.write_parquet(self._folder / f"pairs-{self._files:04}.parquet")
