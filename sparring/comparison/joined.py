"""One bucket of both sides, joined on subject and row. Pure.

A resumed replay may have answered a frame twice, and challengers answer beside the champion: one answer of a subject's
row is kept, official before challenger, the earliest published of several, and the others are counted.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

KEY: Final = ("subject", "row")
CHALLENGER: Final = "challenger"


def kept(answers: pl.DataFrame) -> pl.DataFrame:
    """One answer by subject and row, in their order, with how many others there were: `challengers` beside an official
    one that was kept, and `duplicates`."""
    challenger = (pl.col("role") == CHALLENGER).fill_null(value=False)
    ordered = answers.with_columns(challenger.alias("_challenger")).sort(
        *KEY,
        "_challenger",
        "published_at",
        "request_id",
        "model",
        "model_version",
        nulls_last=True,
        maintain_order=True,
    )
    group = pl.len().over(KEY).cast(pl.Int32)
    challengers = (
        pl.when(pl.col("_challenger").first().over(KEY)).then(0).otherwise(pl.col("_challenger").sum().over(KEY))
    )
    return (
        ordered.with_columns(challengers.cast(pl.Int32).alias("challengers"))
        .with_columns((group - 1 - pl.col("challengers")).alias("duplicates"))
        .unique(KEY, keep="first", maintain_order=True)
        .drop("_challenger")
    )


@dataclass(frozen=True)
class JoinedAnswers:
    """a, b: the answers of pairs, row by row. only_a, only_b: those whose subject or row the other side lacks."""

    a: pl.DataFrame
    b: pl.DataFrame
    only_a: pl.DataFrame
    only_b: pl.DataFrame


def joined(a: pl.DataFrame, b: pl.DataFrame) -> JoinedAnswers:
    """Two sides of one bucket, each as `kept` returns it."""
    both = a.select(KEY, a=pl.int_range(pl.len())).join(
        b.select(KEY, b=pl.int_range(pl.len())), on=KEY, how="full", nulls_equal=True
    )
    pairs = both.drop_nulls(["a", "b"]).sort("a")
    lone_a = both.filter(pl.col("b").is_null())["a"].sort()
    lone_b = both.filter(pl.col("a").is_null())["b"].sort()
    return JoinedAnswers(a[pairs["a"]], b[pairs["b"]], a[lone_a], b[lone_b])
