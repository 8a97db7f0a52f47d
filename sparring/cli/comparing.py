"""`sparring compare`: two results datasets beside each other, request by request and in total."""

import argparse
import sys
from typing import TYPE_CHECKING, Final

from sparring.cli.arguments import count
from sparring.cli.command import add_command
from sparring.cli.exits import OK

if TYPE_CHECKING:
    from sparring.cli.command import Commands
    from sparring.compare import Comparison
    from sparring.connection import Connection

_ABOUT: Final = """\
Compare two results datasets, as `sparring replay --out` writes them: each request's answer of A beside that
of B, which share their subject. With A alone: its answers beside those that its frames had when they were
recorded.

Boxes are matched by IoU, greedy by confidence: each box of A, the most confident first, takes the free box
of B that it overlaps most. Other outputs are compared as they are. `change` says how much a pair differs,
from 0, the same, to 1, nothing in common; docs/dataset.md has the rule, and the columns of --out.

Any number of results: they are compared in pieces, in bounded memory, by way of a temporary folder."""

_EXAMPLES: Final = (
    "sparring compare runs/yolox runs/nanodet --html difference.html",
    "sparring compare runs/last-hour",
    "sparring compare runs/shadow runs/shadow --model-b nanodet-m --min-confidence 0.3",
)


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    compare = add_command(
        commands, "compare", "two results datasets beside each other", about=_ABOUT, examples=_EXAMPLES
    )
    compare.add_argument("a", metavar="A", help="folder of a results dataset")
    compare.add_argument("b", metavar="B", nargs="?", help="another; default what was recorded with A")
    compare.add_argument(
        "--model-a", metavar="M", help="of A the answers of NAME or NAME@VERSION; default the official"
    )
    compare.add_argument("--model-b", metavar="M", help="likewise of B")
    compare.add_argument("--iou", type=float, default=0.5, metavar="X", help="least overlap of two boxes; default 0.5")
    compare.add_argument("--any-class", action="store_true", help="match boxes of different classes too")
    compare.add_argument("--min-confidence", type=float, default=0.0, metavar="X", help="leave boxes below out")
    compare.add_argument("--boxes", default="boxes", metavar="NAME", help="the output with boxes; default boxes")
    compare.add_argument("--classes", default="classes", metavar="NAME", help="likewise classes")
    compare.add_argument("--confidences", default="confidences", metavar="NAME", help="likewise confidences")
    compare.add_argument("--box-format", choices=("xyxy", "xywh"), default="xyxy", help="corners, or corner and size")
    compare.add_argument("--out", metavar="DIR", help="write a Parquet dataset, a row for each pair")
    compare.add_argument("--html", metavar="FILE", help="write a page with the fifty pairs that differ most")
    compare.add_argument("--class-names", metavar="A,B", help="for the page: what class 0, 1, ... mean; coco: of COCO")
    compare.add_argument("--show", type=count, default=10, metavar="N", help="pairs to print, at most 50; default 10")
    compare.add_argument("--json", action="store_true", help="for programs: the totals and the worst pairs")
    compare.set_defaults(run=_compare)


def _compare(parsed: argparse.Namespace) -> int:
    from dataclasses import replace  # noqa: PLC0415  # with what follows, which is slow: see cli.command
    from pathlib import Path  # noqa: PLC0415  # as above

    from schemas.errors import SparringError  # noqa: PLC0415  # as above
    from sparring.cli.progress import Progress  # noqa: PLC0415  # as above
    from sparring.compare.comparison import compare_sides  # noqa: PLC0415  # as above
    from sparring.compare.pairs import Rules  # noqa: PLC0415  # as above
    from sparring.compare.side import sides  # noqa: PLC0415  # as above

    first, second = sides(parsed.a, parsed.b)
    first, second = replace(first, model=parsed.model_a), replace(second, model=parsed.model_b)
    read = 0

    def told(more: int) -> None:
        nonlocal read
        read += more

    try:
        rules = Rules(
            parsed.iou,
            parsed.any_class,
            parsed.min_confidence,
            parsed.boxes,
            parsed.classes,
            parsed.confidences,
            parsed.box_format,
        )
        rows = first.size()[0] + second.size()[0]
        with Progress(lambda elapsed_s: _line(read, rows, elapsed_s)):
            found = compare_sides(first, second, rules, None if parsed.out is None else Path(parsed.out), told)
    except ValueError as error:
        raise SparringError(str(error)) from error
    if parsed.html is not None:
        _write_page(found, parsed)
    if parsed.json:
        _write_json(found)
    else:
        _print(found, parsed)
    return OK


def _line(read: int, rows: int, elapsed_s: float) -> str:
    from sparring.cli.replaying.saying import duration  # noqa: PLC0415  # as above

    if not read or read >= rows:
        return f"{read:,} of {rows:,} rows read; comparing"
    return f"{read:,} of {rows:,} rows read, {duration((rows - read) / (read / elapsed_s))} until all are"


def _write_page(found: "Comparison", parsed: argparse.Namespace) -> None:
    from pathlib import Path  # noqa: PLC0415  # as above

    from sparring.compare.page import page  # noqa: PLC0415  # as above
    from sparring.compare.pictures import picture_of  # noqa: PLC0415  # as above
    from sparring.vision.coco import COCO, COCO_NAMES  # noqa: PLC0415  # as above

    given = parsed.class_names
    names = None if given is None else COCO_NAMES if given == COCO else [name.strip() for name in given.split(",")]
    connection = _connection(found)
    try:
        Path(parsed.html).write_text(
            page(found, lambda source: picture_of(source, connection), names), encoding="utf-8"
        )
    finally:
        if connection is not None:
            connection.close()


def _connection(found: "Comparison") -> "Connection | None":
    """Of the system whose topics have the frames, where one is there and is needed."""
    from pathlib import Path  # noqa: PLC0415  # as above

    from schemas.errors import SparringError  # noqa: PLC0415  # as above
    from sparring.connection import Connection, found_settings  # noqa: PLC0415  # as above

    if found.worst.is_empty() or all(Path(one.rpartition("#")[0] or one).exists() for one in found.worst["source"]):
        return None
    try:
        return Connection(found_settings())
    except (ConnectionError, SparringError):
        return None  # the page says of each picture why it is not there


def _write_json(found: "Comparison") -> None:
    import msgspec  # noqa: PLC0415  # slow: see cli.command

    from sparring.compare.pairs import PAIR  # noqa: PLC0415  # as above

    worst = [] if found.worst.is_empty() else found.worst.select(list(PAIR)).to_dicts()
    whole = msgspec.json.encode({**found.facts(), "worst": worst})
    sys.stdout.buffer.write(msgspec.json.format(whole, indent=2) + b"\n")


def _print(found: "Comparison", parsed: argparse.Namespace) -> None:
    from rich.console import Console  # noqa: PLC0415  # slow: see cli.command

    from sparring.cli.tables import table  # noqa: PLC0415  # as above
    from sparring.compare.page import totals_rows  # noqa: PLC0415  # as above

    console = Console(soft_wrap=not sys.stdout.isatty())
    totals = table("", f"{found.first} ", f"{found.second} ")
    for row in totals_rows(found):
        totals.add_row(*row)
    console.print(totals)
    if found.worst.is_empty():
        sys.stdout.write("\nno pair differs\n")
        return
    console.print()
    with_boxes = found.rules.boxes in found.outputs
    worst = table("differ most", "change ", *(("boxes ", "boxes ", "matched ") if with_boxes else ("difference ",)))
    for told in found.worst.head(parsed.show).iter_rows(named=True):
        values = ("boxes_first", "boxes_second", "matched") if with_boxes else ("difference_max",)
        shown = ("-" if told[name] is None else f"{told[name]:,.4g}" for name in values)
        worst.add_row(str(told["subject"]), f"{told['change']:.3f}", *shown)
    console.print(worst)
    if parsed.html is not None:
        sys.stdout.write(f"\nthe page: {parsed.html}\n")
