"""`sparring model`: upload files, and show what was uploaded."""

import argparse
from typing import TYPE_CHECKING, Final

from sparring.cli.command import Parser, add_command
from sparring.cli.pipeline import add_workspace

if TYPE_CHECKING:
    from sparring.cli.command import Commands

_ABOUT: Final = "Models: upload a file, show what was uploaded."

_ABOUT_UPLOAD: Final = """\
Upload a file; the same name again is a new version, also of the same bytes. An ONNX file is loaded once, to
read its inputs and outputs. The other options are configure()'s: how columns feed the inputs, how rows
become batches, what classes mean. Image settings, and the schemas of a Python step, stand in a pipeline
file (docs/pipeline-file.md), or are set in Python."""

_ABOUT_LIST: Final = "The models of a workspace, oldest first, each with its newest version."

_ABOUT_SHOW: Final = """\
Show one version of a model, the newest unless another is named: sha256, inputs and outputs, how it is
configured, all versions, and the pipelines whose live version uses it."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    examples = ["sparring model upload yolox-nano yolox-nano.onnx --batch-config single", "sparring model list"]
    group = add_command(commands, "model", "models: upload, list, show", about=_ABOUT, examples=examples)
    actions: Commands = group.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    _add_upload(actions)
    listed = add_command(actions, "list", "the models of a workspace", about=_ABOUT_LIST, examples=examples[1:])
    listed.add_argument("--json", action="store_true", help="for programs: a list of objects")
    shown = add_command(
        actions,
        "show",
        "one model: versions, inputs, outputs, configuration, who uses it",
        about=_ABOUT_SHOW,
        examples=["sparring model show yolox-nano", "sparring model show yolox-nano@3b0e1c2d --json | jq -r .sha"],
        exits=["3  no such model, version or workspace; one line on stderr says which there are"],
    )
    shown.add_argument("model", metavar="NAME[@VERSION]", help="VERSION: its uuid, or 4 characters or more of it")
    shown.add_argument("--json", action="store_true", help="for programs: one object")
    for command, run in ((listed, _list), (shown, _show)):
        add_workspace(command)
        command.set_defaults(run=run)


def _add_upload(actions: "Commands") -> None:
    upload = add_command(
        actions,
        "upload",
        "upload a file as a new version",
        about=_ABOUT_UPLOAD,
        examples=[
            "sparring model upload yolox-nano yolox-nano.onnx --batch-config single --class-names coco",
            "sparring model upload average average.py --framework python",
        ],
    )
    upload.add_argument("name", metavar="NAME", help="letters, digits, dashes, starting with a letter")
    upload.add_argument("path", metavar="PATH", help="the file")
    upload.add_argument(
        "--framework",
        choices=("onnx", "python"),
        default="onnx",
        help="python: a file with one function process(arrays) -> arrays; default onnx",
    )
    upload.add_argument(
        "--tensor-fields", type=_names, metavar="A,B", help="the columns that feed the inputs, by position"
    )
    upload.add_argument(
        "--batch-config", choices=("single",), help="single: a row is the whole input with its batch dimension"
    )
    upload.add_argument(
        "--class-names", type=_classes, metavar="A,B", help="what class 0, 1, ... mean; coco: the 80 of COCO"
    )
    upload.add_argument("--batch-rows-max", type=int, metavar="N", help="rows that may run together; default 1")
    upload.add_argument(
        "--batch-wait-ms-max", type=float, metavar="MS", help="how long a batch waits for more rows; default 0"
    )
    upload.add_argument(
        "--outputs-per-row",
        type=_truth,
        metavar="true|false",
        help="whether each output has an entry per row; default: as the file says",
    )
    upload.add_argument("--json", action="store_true", help="for programs: one object")
    add_workspace(upload)
    upload.set_defaults(run=_upload)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r}; expected names with commas between them")
    return names


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r}; expected true or false")
    return text == "true"


def _classes(text: str) -> list[str] | str:
    return text if text == "coco" else _names(text)


def _upload(parsed: argparse.Namespace) -> int:
    from sparring.cli.model.upload import upload  # noqa: PLC0415  # slow: see cli.command

    return upload(parsed)


def _list(parsed: argparse.Namespace) -> int:
    from sparring.cli.model.show import list_models  # noqa: PLC0415  # slow: see cli.command

    return list_models(parsed)


def _show(parsed: argparse.Namespace) -> int:
    from sparring.cli.model.show import show_model  # noqa: PLC0415  # slow: see cli.command

    return show_model(parsed)
