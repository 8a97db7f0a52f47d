"""`sparring replay`: recorded frames, or files, once more: through another version or a candidate."""

import argparse
from typing import TYPE_CHECKING, Final

from sparring.cli.arguments import count, past, pipeline
from sparring.cli.command import add_command
from sparring.cli.exits import WRONG_USAGE
from sparring.cli.out import note
from sparring.cli.replay.option_conflicts import wrong

if TYPE_CHECKING:
    from sparring.cli.command import Commands

_ABOUT: Final = """\
Replay frames: what the cameras saw last week through tomorrow's model, the hour of an incident once more, a
folder of pictures that is scored each month.

Which frames: exactly one of
  --from, --offsets        what lies on the topic `frames` (24 hours, unless it is set otherwise)
  --ids                    these requests; --ids @FILE: an id per line
  --of-model, --anomalous, --confidence-below, --status
                           requests that were answered so; all that are given must hold, --from says since when
  --dead-letters           frames that were refused
  PATH ...                 pictures, tables, videos, folders, patterns, as of `sparring send`
  PATH --column NAME       rows of a Parquet or Arrow dataset, a folder, a file or a URI such as s3://...: encoded
                           images (binary), or tensors (lists of numbers)

What answers: --pipeline, its live version unless --version names another; or --candidate, a pipeline file
whose pipeline is deployed nowhere.

Nothing official is written: the replay starts a router and a host of its own, whose topics and catalog have
a prefix of their own, and deletes them when it is done. Frames keep their request ids, so that a split
decides as it did. The answers are in --out, a Parquet dataset (docs/dataset.md), the recorded official
answer beside each. With --live frames go to the live pipeline, as new requests whose header `replay-of`
names the old one.

Ctrl-C stops, writes what was answered, and says how to go on; after a crash too, --resume goes on: each
frame is sent at least once, and how many were sent twice is printed. A frame that cannot be read or sent is
refused, and tried again by --resume; one that the topic no longer has is missing."""

_EXAMPLES: Final = (
    "sparring replay --from 1h --pipeline shelf --version 3f9a --out runs/last-hour",
    "sparring replay --from 1d --confidence-below 0.4 --candidate shelf-next.yaml --out runs/unsure",
    "sparring replay photos/ clip.mp4 --pipeline shelf --out runs/october",
    "sparring replay s3://archive/october --column image --pipeline shelf --out runs/october",
    "sparring replay --resume runs/last-hour",
    "sparring replay --from 1h --pipeline shelf --verify",
    "sparring replay --from 1d --pipeline shelf --what-if champion=1,challenger=3",
)


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    replay = add_command(
        commands,
        "replay",
        "recorded frames or files once more: through another version, or a candidate",
        about=_ABOUT,
        examples=_EXAMPLES,
        exits=[
            "1    a decision came out otherwise (--verify), a frame was refused or is missing, or the replay broke off",
            "3    there are no such frames, or no version decided any (--verify)",
            "130  interrupted; --resume goes on",
        ],
    )
    _add_frames(replay)
    _add_target(replay)
    _add_doing(replay)
    replay.set_defaults(run=_replay)


def _add_frames(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files to replay")
    parser.add_argument(
        "--from", dest="since", type=past, metavar="WHEN", help="30s, 10m, 2h, 1d ago, or an ISO time: exact"
    )
    parser.add_argument("--to", dest="until", type=past, metavar="WHEN", help="likewise; default now")
    parser.add_argument(
        "--offsets", type=_offsets, metavar="P:A-B,...", help="partition 0 from 100 until before 200: 0:100-200"
    )
    parser.add_argument("--ids", type=_ids, metavar="ID,...", help="these requests; @FILE: an id per line")
    parser.add_argument("--of-model", metavar="M", help="requests that NAME or NAME@VERSION answered")
    parser.add_argument("--anomalous", action="store_true", help="requests that a validation rule found anomalous")
    parser.add_argument(
        "--confidence-below", type=float, metavar="X", help="requests where nothing was found with X or more"
    )
    parser.add_argument("--status", choices=("ok", "error", "expired"), help="requests that ended so")
    parser.add_argument("--dead-letters", action="store_true", help="frames that were refused")
    parser.add_argument("--error", metavar="E", help="with --dead-letters: refused with this error")
    parser.add_argument(
        "--of-pipeline", type=pipeline, metavar="P", help="recorded frames of this pipeline; default that which answers"
    )
    parser.add_argument("--column", metavar="NAME", help="of a dataset: encoded images, or tensors")
    parser.add_argument("--key-column", metavar="NAME", help="of a dataset: the ordering key; default none")


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pipeline", type=pipeline, metavar="P", help="the pipeline that answers")
    parser.add_argument("--version", metavar="V", help="its version, or the beginning of one; default the live one")
    parser.add_argument("--candidate", metavar="FILE", help="a pipeline file (docs/pipeline-file.md), not deployed")
    parser.add_argument("--live", action="store_true", help="send to the live pipeline: official answers")
    parser.add_argument("--allow-python", action="store_true", help="the replay's own host may run Python steps")


def _add_doing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", help="folder of the dataset; it must hold no other replay")
    parser.add_argument("--resume", metavar="DIR", help="go on with the replay in this folder, as it began")
    parser.add_argument("--fps", type=_above_zero, metavar="N", help="frames a second; default as fast as answered")
    parser.add_argument("--realtime", action="store_true", help="in the rhythm in which they were produced")
    parser.add_argument("--speed", type=_above_zero, metavar="X", help="X times that rhythm")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and where; send nothing")
    parser.add_argument(
        "--verify", action="store_true", help="derive every routing decision again, list what differs, send nothing"
    )
    parser.add_argument(
        "--what-if", type=_weights, metavar="W", help="MODEL=WEIGHT,...: the split that it would give; send nothing"
    )
    parser.add_argument("--show", type=count, default=20, metavar="N", help="lines of a list to print; default 20")
    parser.add_argument("--json", action="store_true", help="for programs: the summary as JSON")


def _replay(parsed: argparse.Namespace) -> int:
    if (why := wrong(parsed)) is not None:
        note(f"sparring replay: {why}; `sparring replay --help` says more")
        return WRONG_USAGE
    from sparring.cli.replay.run import replay  # noqa: PLC0415  # slow: see cli.command

    return replay(parsed)


def _offsets(text: str) -> dict[int, tuple[int, int | None]]:
    found = {}
    for part in text.split(","):
        partition, colon, reach = part.partition(":")
        begin, dash, end = reach.partition("-")
        if not (colon and dash and partition.isdecimal() and begin.isdecimal() and (end == "" or end.isdecimal())):
            raise argparse.ArgumentTypeError(
                f"{part!r}; expected PARTITION:BEGIN-END, as 0:100-200, or 0:100- to the end"
            )
        if int(partition) in found:
            raise argparse.ArgumentTypeError(f"partition {int(partition)} is named twice; expected one reach of each")
        found[int(partition)] = (int(begin), int(end) if end else None)
    return found


def _ids(text: str) -> frozenset[str]:
    if not text.startswith("@"):
        words = text.split(",")
    else:
        try:
            with open(text[1:], encoding="utf-8-sig") as file:  # noqa: PTH123  # pathlib is not loaded yet
                words = file.read().split()
        except UnicodeDecodeError:
            what = f"{text[1:]}: no UTF-8 text (PowerShell's > may write UTF-16)"
            raise argparse.ArgumentTypeError(f"{what}; expected request ids in UTF-8, one per line") from None
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{text[1:]}: {error.strerror}") from None
    found = frozenset(word.strip() for word in words if word.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}; expected request ids with commas, or @FILE with one per line")
    return found


def _weights(text: str) -> dict[str, float]:
    found = {}
    for part in text.split(","):
        name, equals, weight = (word.strip() for word in part.rpartition("="))
        if name in found:
            raise argparse.ArgumentTypeError(f"{name} is named twice; expected one weight of each model")
        try:
            found[name] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise argparse.ArgumentTypeError(f"{part!r}; expected MODEL=WEIGHT, as champion=1,challenger=3")
    return found


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number above 0")
    return value
