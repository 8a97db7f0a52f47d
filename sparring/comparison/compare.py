"""Two results datasets compared, in memory that does not grow with them.

for each side: lay its rows into buckets by their subject
for each bucket: keep one answer a row, join, compare, add up, write
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl
import pyarrow as pa

from sparring.checks import checked_text
from sparring.comparison.buckets import Buckets, bucket_count, taken
from sparring.comparison.changed import ChangedPair, most_changed
from sparring.comparison.comparison import Comparison, connected
from sparring.comparison.coordinates import Look, PictureSize
from sparring.comparison.joined import JoinedAnswers, joined, kept
from sparring.comparison.options import IOU, BoxFormat, Options
from sparring.comparison.pairs import PairsFolder, pairs
from sparring.comparison.side import NotADataset, Side, opened
from sparring.comparison.totals import BoxTotals, OutputTotals, Totals

if TYPE_CHECKING:
    from sparring.client import Client
    from sparring.comparison.report.pictures import Connect

OnProgress = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, of how much: rows read, or buckets compared."""

_PREFIX: Final = "sparring-compare-"
DatasetFolder = str | os.PathLike[str]


def compare(
    a: DatasetFolder,
    b: DatasetFolder | None = None,
    *,
    iou: float = IOU,
    any_class: bool = False,
    confidence_min: float = 0.0,
    boxes: str = "boxes",
    classes: str = "classes",
    confidences: str = "confidences",
    box_format: BoxFormat = "xyxy",
    model_a: str | None = None,
    model_b: str | None = None,
    out: DatasetFolder | None = None,
    client: "Client | None" = None,
    progress: OnProgress | None = None,
) -> Comparison:
    """Compare two results datasets, answer by answer and in total, in memory that does not grow with them.

    Answers are joined on subject and row. Boxes are matched greedily: those of A choose, the most confident first, and
    each takes the free box of B that overlaps it most. The change of a pair, from 0 to 1, is what the union of both
    sides' boxes lacks of being matched, of one class and as confident as before; without boxes, how far the other
    outputs differ; 1 where one side has an answer and the other an error.

    Args:
        a: a folder of Parquet files as a replay writes them (docs/compare.md).
        b: another one. None: A is what was recorded beside the answers of `a`, B these answers.
        iou: boxes match from this intersection over union on, above 0, at most 1.
        any_class: boxes match where their classes differ, too.
        confidence_min: boxes below are left out, on both sides.
        boxes: name of the output with the corners, four numbers a box.
        classes: name of the output with a class for each box; where one side has none, any boxes match.
        confidences: name of the output with a confidence for each box; where there is none, the first chooses first.
        box_format: xyxy, two corners in pixels of their model's input; xywh, the upper left corner, width and height.
        model_a: only the answers of the model with this name, on side A.
        model_b: likewise on side B. With `b` the same folder as `a`, this compares a champion with its challenger.
        out: a folder for a dataset of the pairs, a row each; it must be absent or empty.
        client: asked how large a frame in a topic is, where one model saw it letterboxed and the other did not: boxes
            lie beside each other on the picture alone. None: these pairs are not compared, and counted.
        progress: called with what is going on, how much of it is done, and of how much.

    Raises:
        FileNotFoundError: a folder does not exist.
        FileExistsError: `out` has files.
        TypeError, ValueError: an argument is wrong, or a folder has no results that can be compared.
    """
    options = Options.checked(iou, any_class, confidence_min, (boxes, classes, confidences), box_format)
    return comparison(a, b, options, (model_a, model_b), out, connected(client), progress)


def comparison(
    a: DatasetFolder,
    b: DatasetFolder | None,
    options: Options,
    models: tuple[str | None, str | None],
    out: DatasetFolder | None,
    connect: "Connect",
    progress: OnProgress | None,
) -> Comparison:
    """`compare`, with checked options. connect: opens a connection, where the size of a frame in a topic counts."""
    sides = [
        opened(argument, _folder(argument, folder), recorded=b is None and argument == "a", model=model)
        for argument, folder, model in (
            ("a", a, _model("model_a", models[0])),
            ("b", a if b is None else b, _model("model_b", models[1])),
        )
    ]
    mixed = sides[0].mixed | sides[1].mixed
    sides = [side.as_text(mixed) for side in sides]
    if progress is not None and not callable(progress):
        raise TypeError(f"progress: {type(progress).__name__}; expected a function of text and two numbers, or None")
    with ExitStack() as stack:
        target = None if out is None else stack.enter_context(PairsFolder(_folder("out", out)))
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX)))
        totals, changed = _compared(sides, options, work, target, _look(connect), progress or _nobody_looks)
    return Comparison(totals.to_dict(), changed, options, (sides[0].folder, sides[1].folder), recorded=b is None)


def _compared(
    sides: Sequence[Side], options: Options, work: Path, target: PairsFolder | None, look: Look, progress: OnProgress
) -> tuple[Totals, list[ChangedPair]]:
    with_boxes, outputs = _common(sides, options)
    totals = Totals(boxes=BoxTotals() if with_boxes else None, outputs={name: OutputTotals() for name in outputs})
    changed: list[ChangedPair] = []
    count = max(bucket_count(side.rows, side.size_bytes) for side in sides)
    laid = [_laid(name, side, work, count, progress) for name, side in zip("ab", sides, strict=True)]
    for bucket in range(count):
        for a, b in taken(laid, bucket):
            both = _joined(a, b, totals)
            found = pairs(both, options, with_boxes, outputs, look)
            totals.add(found)
            changed = most_changed(changed, both, found, outputs)
            if target is not None:
                target.write(found.table, both)
        progress("comparing", bucket + 1, count)
    return totals, changed


def _look(connect: "Connect") -> Look:
    silent: dict[str, str] = {}

    def look(sources: Sequence[str]) -> Mapping[str, PictureSize | str]:
        from sparring.comparison.report.pictures import picture_sizes  # noqa: PLC0415  # few comparisons open a picture

        return picture_sizes(sources, connect, silent)

    return look


def _laid(name: str, side: Side, work: Path, count: int, progress: OnProgress) -> Buckets:
    what = f"reading {name.upper()}"

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        progress(what, done, side.rows)
        for batch in side.batches():
            yield batch
            done += batch.num_rows
            progress(what, done, side.rows)
        progress(what, side.rows, side.rows)  # what a model's filter left out is done, too

    return Buckets.spilled(batches(), side.schema, work / name, count)


def _joined(a: pl.DataFrame, b: pl.DataFrame, totals: Totals) -> JoinedAnswers:
    answers = kept(a), kept(b)
    both = joined(*answers)
    totals.a.add(answers[0], both.only_a, answers[1], a.height)
    totals.b.add(answers[1], both.only_b, answers[0], b.height)
    return both


def _common(sides: Sequence[Side], options: Options) -> tuple[bool, list[str]]:
    """Whether both sides have boxes, and the names of the other outputs that both have."""
    common = [name for name in sides[0].outputs if name in sides[1].outputs]
    if not common:
        outputs = [", ".join(side.outputs) or "none" for side in sides]
        raise NotADataset(f"the two sides have no output in common: A has {outputs[0]}, B has {outputs[1]}")
    with_boxes = options.boxes in common
    of_boxes = {options.boxes, options.classes, options.confidences} if with_boxes else set()
    return with_boxes, [name for name in common if name not in of_boxes]


def _folder(argument: str, given: object) -> Path:
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"{argument}: {type(given).__name__}; expected the path of a folder")
    return Path(given)


def _model(argument: str, given: object) -> str | None:
    return None if given is None else checked_text(argument, given, "a model's name, or None")


def _nobody_looks(_what: str, _done: int, _whole: int) -> None:
    pass
