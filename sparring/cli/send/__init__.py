"""`sparring send`: files, folders and videos as frames."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.limits import FRAME_BYTES_MAX
from sparring.cli.arguments import pipeline
from sparring.cli.command import add_command
from sparring.cli.exits import FAILED
from sparring.cli.out import complain
from sparring.cli.send.refusals import Refusals
from sparring.frames.headers import RESERVED, frame_bytes_max
from sparring.sources import find_files, said_left_out

if TYPE_CHECKING:
    from sparring.cli.command import Commands

_ABOUT: Final = """\
Send frames to a deployed pipeline, each with a request id of its own, and wait until Kafka has confirmed
every one. As fast as possible, unless --fps says otherwise; in the order given.

A PATH is
  a picture  JPEG, PNG or WebP, sent as it is
  a table    an Arrow IPC stream or file, a JSON list of records, sent as it is
  a video    .avi .m4v .mkv .mov .mp4 .mpeg .mpg .ts .webm: its pictures as JPEGs
  a series   .mjpeg .mjpg, or any file of JPEGs one after the other: each of them as it is
  a folder   all of these in it and below; other and hidden files are left out
  a pattern  such as 'shelf/**/*.jpg', in quotes: all files that it matches

A file that cannot be sent (above 16 MiB, none of these kinds), or not whole (a video that is cut off), is
named on stderr, the others go on, and the exit code is 1. Where SPARRING_REFERENCE_STORE names a folder or
bucket, pictures and Arrow tables of up to 256 MiB can be sent: what is above 16 MiB is put there, and a
reference to it is the frame.

Ctrl-C stops sending, waits for what is under way, and prints the summary."""

_EXAMPLES: Final = (
    "sparring send frame.jpg --pipeline shelf",
    "sparring send frames/ --pipeline shelf --fps 10 --loop --key camera-7 --header camera=door-3",
    "sparring send clip.mp4 --pipeline lab/shelf --count 500 --json > sent.jsonl",
)


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    send = add_command(
        commands,
        "send",
        "send pictures, tables, folders and videos as frames",
        about=_ABOUT,
        examples=_EXAMPLES,
        exits=[
            "1    a file was refused or not sent whole, the others were; or a frame not confirmed (sending ended)",
            "130  interrupted; the summary holds",
        ],
    )
    send.add_argument("paths", nargs="+", metavar="PATH", help="what to send")
    send.add_argument(
        "--pipeline",
        required=True,
        type=pipeline,
        metavar="P",
        help="the pipeline, NAME or WORKSPACE/NAME; it must be deployed",
    )
    send.add_argument("--fps", type=_above_zero, metavar="N", help="frames a second; default as fast as possible")
    send.add_argument("--loop", action="store_true", help="begin again after the last file, until Ctrl-C or a limit")
    send.add_argument("--count", type=_whole, metavar="N", help="stop after N frames; default after the last file")
    send.add_argument("--duration", type=_above_zero, metavar="S", help="stop after S seconds; default no limit")
    send.add_argument(
        "--key", metavar="KEY", help="frames of one key stay in order, such as camera-7; default none, spread evenly"
    )
    send.add_argument(
        "--header",
        action="append",
        default=[],
        type=_header,
        metavar="NAME=VALUE",
        help="a header of your own, which a split's hash key may name; may be given several times",
    )
    send.add_argument(
        "--deadline-ms",
        type=_whole,
        metavar="N",
        help="milliseconds from sending after which a frame is answered as expired; default never",
    )
    send.add_argument(
        "--json",
        action="store_true",
        help="one JSON line on stdout per confirmed frame: request_id, path, topic, partition, offset, bytes",
    )
    send.set_defaults(run=_send)


def _send(parsed: argparse.Namespace) -> int:
    # Check the files before anything slow is imported or connected.
    found = find_files(parsed.paths)
    if found.left_out:
        complain(said_left_out(found.left_out))
    refusals = Refusals(_bytes_max(found.files))
    files = [path for path in found.files if refusals.passes(path)]
    if not files:
        return FAILED
    from sparring.cli.send.sending import send  # noqa: PLC0415  # slow: see cli.command

    return send(parsed, files, refusals)


def _bytes_max(files: Sequence[Path]) -> int:
    """The largest frame that can be sent from here. Nothing is read where no file exceeds Kafka's limit."""
    if all(not path.is_file() or path.stat().st_size <= FRAME_BYTES_MAX for path in files):
        return FRAME_BYTES_MAX
    from sparring.system.connection import found_settings  # noqa: PLC0415  # slow: see cli.command

    try:
        return frame_bytes_max(found_settings().reference_store)
    except ConnectionError:
        return FRAME_BYTES_MAX  # nothing can be sent at all, which is said once that is tried


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r}; expected NAME=VALUE")
    if name in RESERVED:
        raise argparse.ArgumentTypeError(f"{name!r} is set by sparring itself; leave it out")
    return name, value


def _above_zero(text: str) -> float:
    return _number(float, text, "a number above 0")


def _whole(text: str) -> int:
    return int(_number(int, text, "a whole number above 0"))


def _number(kind: Any, text: str, expected: str) -> float:
    try:
        value = float(kind(text))
    except ValueError:
        value = 0.0
    if not 0 < value < 1e12:
        raise argparse.ArgumentTypeError(f"{text!r}; expected {expected}")
    return value
