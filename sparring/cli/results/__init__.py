"""`sparring results`, `sparring result`: the answers as a stream, and one request looked up."""

import argparse
from typing import TYPE_CHECKING, Final

from sparring.cli.arguments import count, past, pipeline
from sparring.cli.command import add_command

if TYPE_CHECKING:
    from sparring.cli.command import Commands

SINCE_DEFAULT: Final = "10m"

_ABOUT_RESULTS: Final = """\
Show the answers on the topic `results`, or with --role shadow the challengers' on `shadows`: those of the
last 10 minutes in the order of time, up to the end of the topic as it is now; or with --follow those that
come from now on, until Ctrl-C. It reads without a group: it takes nothing from any other reader.

  table   a line per answer, for people; what does not fit a terminal is shortened (a request id and a
          version to their first 8 characters), in a file or a pipe nothing is. The time is yours
  json    an object per line and answer: the headers of docs/contract.md with underscores, `outputs` as a
          list per row of each, or `error`, `message`, `stage`; NaN and infinities are null
  arrow   an Arrow IPC stream: a row per row of each answer whose status is ok, with the headers,
          `row`, and the outputs as `out.*`. All answers must have the same outputs: where models differ,
          choose one with --model. The others (error, expired, shed) are counted on stderr

The topics may hold an answer twice, after a crash; in Redis, and in `sparring result`, there is one."""

_ABOUT_RESULT: Final = """\
Look up one request in Redis: its official answer and each challenger's beside it, which model and version
made them, how the splits decided, how long it took, where the frame lies. Answers are kept there for 24
hours, unless the indexer is set otherwise.

--picture draws the boxes of all these answers on the frame, each model in a colour of its own. The frame
must be an image that is still on its topic (24 hours), and the model must have an output `boxes`: x1, y1,
x2, y2 of each in pixels of the model's input, or of the picture where the model gets its size; with outputs
`classes` and `confidences` the boxes have labels. `configure(class_names=[...])` gives the classes their names. A
small frame is enlarged."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    results = add_command(
        commands,
        "results",
        "the answers: what is there, or as they come",
        about=_ABOUT_RESULTS,
        examples=[
            "sparring results --pipeline shelf --since 1h",
            "sparring results --follow --role shadow",
            "sparring results --format json --since 2026-01-31T08:00 | jq -r 'select(.status != \"ok\") | .message'",
            "sparring results --model yolox-nano --format arrow > answers.arrow",
        ],
        exits=["141  nobody reads the output any more (`| head`)"],
    )
    results.add_argument(
        "--pipeline", type=pipeline, metavar="P", help="of this pipeline, NAME or WORKSPACE/NAME; default all"
    )
    results.add_argument("--model", metavar="M", help="of this model, NAME or NAME@VERSION; default all")
    results.add_argument(
        "--follow", action="store_true", help="go on with what comes, until Ctrl-C; that is no failure"
    )
    results.add_argument(
        "--since",
        type=past,
        metavar="WHEN",
        help=f"30s, 10m, 2h, 1d ago, or an ISO time; default {SINCE_DEFAULT}, with --follow now",
    )
    results.add_argument(
        "--role",
        choices=("official", "shadow"),
        default="official",
        help="official: what answers the requests; shadow: the challengers' answers; default official",
    )
    results.add_argument("--format", choices=("table", "json", "arrow"), default="table", help="default table")
    results.add_argument("--count", type=count, metavar="N", help="end after N answers; default no limit")
    results.set_defaults(run=_results)

    result = add_command(
        commands,
        "result",
        "one request's answers; with --picture its frame with their boxes",
        about=_ABOUT_RESULT,
        examples=[
            "sparring result 5e0c9f3a-6d0b-4a53-9f3a-0f4d0f5f8a11",
            "sparring result cam7-000123 --pipeline shelf --picture cam7.png",
            "sparring result cam7-000123 --json | jq .official.outputs",
        ],
        exits=["3  no answer: not yet, no longer, or to another id or pipeline; one line on stderr says more"],
    )
    result.add_argument("request_id", metavar="REQUEST_ID", help="as `send --json`, `results` and `infer` have it")
    result.add_argument(
        "--pipeline", metavar="P", help="NAME or WORKSPACE/NAME, where several pipelines answered the same id"
    )
    result.add_argument(
        "--json", action="store_true", help="for programs: `official`, `challengers`, as `results` has them"
    )
    result.add_argument("--picture", type=_png, metavar="FILE.png", help="write the frame with the boxes drawn")
    result.add_argument(
        "--confidence-min",
        type=_share,
        default=0.25,
        metavar="C",
        help="leave boxes below this confidence out of the picture; default 0.25",
    )
    result.set_defaults(run=_result)


def _results(parsed: argparse.Namespace) -> int:
    from sparring.cli.results.stream import show_results  # noqa: PLC0415  # slow: see cli.command

    since: int | None = parsed.since
    if since is None and not parsed.follow:
        since = past(SINCE_DEFAULT)
    return show_results(parsed, since)


def _result(parsed: argparse.Namespace) -> int:
    from sparring.cli.results.page import show_result  # noqa: PLC0415  # slow: see cli.command

    return show_result(parsed)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number from 0 to 1")
    return share


def _png(text: str) -> str:
    if not text.lower().endswith(".png"):
        raise argparse.ArgumentTypeError(f"{text!r}; expected a file that ends in .png")
    return text
