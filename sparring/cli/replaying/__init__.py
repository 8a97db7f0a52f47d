"""`sparring replay`: recorded frames, or files, once more: through another version or a candidate."""

import argparse
import sys
from typing import TYPE_CHECKING, Final

from sparring.cli.arguments import count, past, pipeline
from sparring.cli.command import add_command
from sparring.cli.exits import WRONG_USAGE

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
            "3    there are no such frames",
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
    parser.add_argument("--resume", metavar="DIR", help="go on with the replay in this folder; nothing else is named")
    parser.add_argument("--fps", type=_above_zero, metavar="N", help="frames a second; default as fast as answered")
    parser.add_argument("--realtime", action="store_true", help="in the rhythm in which they were produced")
    parser.add_argument("--speed", type=_above_zero, metavar="X", help="X times that rhythm")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    parser.add_argument(
        "--verify", action="store_true", help="derive every routing decision again, list what differs, send nothing"
    )
    parser.add_argument(
        "--what-if", type=_weights, metavar="W", help="MODEL=WEIGHT,...: the split that it would give; send nothing"
    )
    parser.add_argument("--show", type=count, default=20, metavar="N", help="lines of a list to print; default 20")
    parser.add_argument("--json", action="store_true", help="for programs: the summary as JSON")


def _replay(parsed: argparse.Namespace) -> int:
    if (wrong := _wrong(parsed)) is not None:
        sys.stderr.write(f"sparring replay: {wrong}; `sparring replay --help` says more\n")
        return WRONG_USAGE
    from sparring.cli.replaying.doing import replay  # noqa: PLC0415  # slow: see cli.command

    return replay(parsed)


def _wrong(parsed: argparse.Namespace) -> str | None:
    """What of the arguments does not go together: the first that is."""
    if parsed.resume is not None:
        others = [parsed.paths, parsed.since, parsed.offsets, parsed.ids, parsed.pipeline, parsed.candidate, parsed.out]
        return "--resume stands alone: the journal knows the rest" if any(others) else None
    answered = parsed.of_model or parsed.anomalous or parsed.confidence_below is not None or parsed.status
    named = {
        "PATH": bool(parsed.paths),
        "--offsets": parsed.offsets is not None,
        "--ids": parsed.ids is not None,
        "--of-model, --anomalous, --confidence-below, --status": bool(answered),
        "--dead-letters": parsed.dead_letters,
    }
    given = [name for name, is_given in named.items() if is_given] or (["--from"] if parsed.since else [])
    looks = [name for name in ("--dry-run", "--verify", "--what-if") if getattr(parsed, name[2:].replace("-", "_"))]
    decides = bool(looks) and looks[0] != "--dry-run"
    paces = (parsed.fps is not None, parsed.realtime, parsed.speed is not None)
    came = " and ".join(given) or "none"
    which = "none" if parsed.candidate is None else "both"
    rules = {
        f"which frames? expected one of --from, {', '.join(named)}; came {came}": len(given) != 1,
        "--column needs one PATH: the dataset": parsed.column is not None and len(parsed.paths) != 1,
        "--error needs --dead-letters": parsed.error is not None and not parsed.dead_letters,
        f"what answers? expected one of --pipeline, --candidate; came {which}": (
            (parsed.pipeline is None) == (parsed.candidate is None)
        ),
        "--version is of --pipeline: a --candidate has none": bool(parsed.version and parsed.candidate),
        "--live sends to what is live: without --version": bool(parsed.live and parsed.version),
        "--live sends to what is deployed: a --candidate is not": bool(parsed.live and parsed.candidate),
        "one of --fps, --realtime, --speed": sum(paces) > 1,
        "one of --dry-run, --verify, --what-if": len(looks) > 1,
        f"{' '.join(looks)} needs frames that were routed: --from, --offsets, --ids, or a filter": decides
        and came in {"PATH", "--dead-letters"},
        "--out is missing: the folder of the dataset": not looks and parsed.out is None,
    }
    return next((rule for rule, is_broken in rules.items() if is_broken), None)


def _offsets(text: str) -> dict[int, tuple[int, int | None]]:
    found = {}
    for part in text.split(","):
        partition, colon, reach = part.partition(":")
        begin, dash, end = reach.partition("-")
        if not (colon and dash and partition.isdecimal() and begin.isdecimal() and (end == "" or end.isdecimal())):
            raise argparse.ArgumentTypeError(
                f"{part!r}; expected PARTITION:BEGIN-END, as 0:100-200, or 0:100- to the end"
            )
        found[int(partition)] = (int(begin), int(end) if end else None)
    return found


def _ids(text: str) -> frozenset[str]:
    if not text.startswith("@"):
        words = text.split(",")
    else:
        try:
            with open(text[1:], encoding="utf-8") as file:  # noqa: PTH123  # pathlib is not loaded yet
                words = file.read().split()
        except (OSError, UnicodeDecodeError) as error:
            raise argparse.ArgumentTypeError(f"{text[1:]}: {error}") from None
    found = frozenset(word.strip() for word in words if word.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}; expected request ids with commas, or @FILE with one per line")
    return found


def _weights(text: str) -> dict[str, float]:
    found = {}
    for part in text.split(","):
        name, equals, weight = part.rpartition("=")
        try:
            found[name.strip()] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
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
