"""`sparring compare`: two results datasets beside each other, as a table, a dataset and a page."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparring.cli.command import add_command
from sparring.cli.exits import NOTHING_THERE, OK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from sparring.cli.command import Commands
    from sparring.comparison.comparison import Comparison
    from sparring.system.connection import Connection

_CHANGED_SHOWN: Final = 10
_CLASSES_SHOWN: Final = 10
_SUBJECTS_SHOWN: Final = 10
_IOU: Final = 0.5

_ABOUT: Final = """\
Compare two results datasets, as `sparring replay` writes them: answers are joined on subject and row, boxes matched,
other outputs compared. With one folder, A is what was recorded beside its answers, and B these answers.

Boxes are matched greedily: those of A choose, the most confident first, and each takes the free box of B that overlaps
it most. The change of a pair, from 0 to 1, is what the union of both sides' boxes lacks of being matched, of one class
and as confident as before; without boxes, how far the other outputs differ; 1 where one side has an answer and the
other an error. Where one model saw pictures letterboxed and the other did not, boxes meet on the picture: each is
opened once, and a pair whose picture is gone is counted, not compared. Memory does not grow with the datasets; what is
read lies in the system's folder for temporary files (TMPDIR) meanwhile.

The page has the totals and the fifty pairs that changed most, with their pictures: from the files that the datasets
name, or from their topic where a system is there (SPARRING_KAFKA, or the local stack) and still has them."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    compare = add_command(
        commands,
        "compare",
        "compare two results datasets: what changed, and where most",
        about=_ABOUT,
        examples=[
            "sparring compare yolox/ nanodet/ --html changed.html --class-names coco",
            "sparring compare replayed/ --min-confidence 0.3",
            "sparring compare shadow/ shadow/ --model-a mobilenet --model-b resnet50",
            "sparring compare yolox/ nanodet/ --out pairs/ --json | jq .boxes",
        ],
        exits=["3  the two sides have no subject in common"],
    )
    compare.add_argument("a", metavar="A", type=Path, help="a folder of results")
    compare.add_argument(
        "b", metavar="B", type=Path, nargs="?", help="another one; without it, A is compared with what was recorded"
    )
    _add_matching(compare)
    compare.add_argument("--model-a", type=_text, metavar="NAME", help="only the answers of this model, on side A")
    compare.add_argument("--model-b", type=_text, metavar="NAME", help="likewise on side B")
    compare.add_argument(
        "--class-names", type=_text, metavar="A,B", help="what class 0, 1, ... mean; coco: the 80 names of COCO"
    )
    compare.add_argument("--out", type=Path, metavar="DIR", help="write a dataset there, a row for each pair")
    compare.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page there, with the fifty that changed most"
    )
    compare.add_argument("--json", action="store_true", help="for programs: one object, with all totals")
    compare.set_defaults(run=_compare)


def _add_matching(compare: argparse.ArgumentParser) -> None:
    compare.add_argument(
        "--iou", type=_iou, default=_IOU, metavar="X", help=f"boxes match from this overlap on; default {_IOU}"
    )
    compare.add_argument("--any-class", action="store_true", help="boxes match where their classes differ, too")
    compare.add_argument(
        "--min-confidence", type=_number, default=0.0, metavar="X", help="leave boxes below out; default 0"
    )
    compare.add_argument(
        "--boxes", type=_text, default="boxes", metavar="NAME", help="the output with the corners; default boxes"
    )
    compare.add_argument(
        "--classes",
        type=_text,
        default="classes",
        metavar="NAME",
        help="the output with their classes; default classes",
    )
    compare.add_argument(
        "--confidences",
        type=_text,
        default="confidences",
        metavar="NAME",
        help="and their confidences; default confidences",
    )
    compare.add_argument(
        "--box-format",
        choices=("xyxy", "xywh"),
        default="xyxy",
        help="two corners, or the upper left corner, width and height; default xyxy",
    )


def _compare(parsed: argparse.Namespace) -> int:
    from sparring.cli.progress import part_progress  # noqa: PLC0415  # with what follows, which is slow: see cli.command
    from sparring.comparison.compare import comparison  # noqa: PLC0415  # as above
    from sparring.comparison.options import Options  # noqa: PLC0415  # as above

    if parsed.html is not None and not parsed.html.absolute().parent.is_dir():
        raise FileNotFoundError(f"--html: {parsed.html.parent}: there is no such folder")
    fields = (parsed.boxes, parsed.classes, parsed.confidences)
    options = Options.checked(parsed.iou, parsed.any_class, parsed.min_confidence, fields, parsed.box_format)
    models = (parsed.model_a, parsed.model_b)
    with part_progress() as progress:
        found = comparison(parsed.a, parsed.b, options, models, parsed.out, _connect, progress)
    names = _class_names(parsed.class_names)
    if parsed.html is not None:
        _write_page(found, parsed.html, names)
    if parsed.json:
        _write_json(found)
    else:
        _print(found, names)
    return OK if found.totals["pairs"] else NOTHING_THERE


def _class_names(text: str | None) -> "Sequence[str] | None":
    from sparring.vision.coco import COCO, COCO_NAMES  # noqa: PLC0415  # OpenCV comes with it

    if text is None:
        return None
    return COCO_NAMES if text == COCO else text.split(",")


def _write_page(found: "Comparison", path: Path, names: "Sequence[str] | None") -> None:
    from sparring.comparison.report.page import write_page  # noqa: PLC0415  # slow: see cli.command

    write_page(found, path, names, _connect)


def _connect() -> "AbstractContextManager[Connection]":
    from contextlib import closing  # noqa: PLC0415  # with what follows

    from sparring.system.connection import Connection, found_settings  # noqa: PLC0415  # slow: see cli.command

    return closing(Connection(found_settings()))


def _write_json(found: "Comparison") -> None:
    from sparring.cli.out import print_json  # noqa: PLC0415  # slow: see cli.command

    changed = [
        {"change": one.change, "subject": one.subject, "row": one.row, "source": one.facts["source"]}
        for one in found.changed
    ]
    print_json({**found.totals, "changed": changed})


def _print(found: "Comparison", names: "Sequence[str] | None") -> None:
    from sparring.cli.tables import console  # noqa: PLC0415  # slow: see cli.command
    from sparring.comparison.report.text import changed_section, sections  # noqa: PLC0415  # as above

    out = console(soft_wrap=not sys.stdout.isatty())
    for section in sections(found.totals, names, _CLASSES_SHOWN):
        _print_section(out, section.title, section.columns, section.rows)
    if found.changed:
        changed = changed_section(found.changed[:_CHANGED_SHOWN])
        _print_section(out, changed.title, changed.columns, changed.rows)
    elif not found.totals["pairs"]:
        out.print("the two sides have no subject in common: are they runs over the same frames?")


def _print_section(out: "Console", title: str, columns: "Sequence[str]", rows: "Sequence[Sequence[str]]") -> None:
    from rich.text import Text  # noqa: PLC0415  # as above

    from sparring.cli.out import escape_controls as one_line  # noqa: PLC0415  # as above
    from sparring.cli.tables import table  # noqa: PLC0415  # as above

    shown = table(*columns)
    lone = len(columns) == 1  # subjects, of which there may be many
    for row in rows[:_SUBJECTS_SHOWN] if lone else rows:
        shown.add_row(*row)
    out.print(Text(one_line(title), style="bold underline"))
    out.print(shown)
    if lone and len(rows) > _SUBJECTS_SHOWN:
        out.print("... --json lists a hundred, --out all")
    out.print()


def _text(text: str) -> str:
    """What a terminal gave may be no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written as UTF-8") from None
    return text


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number:  # noqa: PLR0124 (NaN)
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number, as 0.3")
    return number


def _iou(text: str) -> float:
    number = _number(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number above 0, at most 1")
    return number
