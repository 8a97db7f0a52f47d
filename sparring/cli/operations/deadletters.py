"""`sparring deadletters`: frames that were refused: list them, look at one, send them again."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparring.cli.arguments import past, pipeline
from sparring.cli.command import Parser, add_command
from sparring.cli.exits import NOTHING_THERE, OK
from sparring.cli.out import complain, note, say

if TYPE_CHECKING:
    from sparring.cli.command import Commands
    from sparring.operations.deadletters import DeadLetter
    from sparring.system.connection import Connection

_ABOUT: Final = "Frames that were refused, with their bytes and why: on the topic `deadletters`, for 14 days."

_SINCE: Final = "1d"

_ABOUT_RESEND: Final = """\
Send refused frames again, as new frames: same key, bytes and headers, a new request id, and the old one in
the header `replay-of`. For what was refused because something else was wrong: a pipeline that was not
deployed, a step with a bug. The dead letter stays where it is.

Name request ids, or choose with --error, --of-pipeline and --since. --dry-run says what would be sent.

What was sent again before, and is answered in Redis, is not sent once more: a resend that broke off can be
typed again. --again sends it all the same, as one more request."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    examples = ["sparring deadletters list --since 1h", "sparring deadletters resend --error NotDeployed --since 1h"]
    letters = add_command(
        commands, "deadletters", "refused frames: list, show, send again", about=_ABOUT, examples=examples
    )
    actions: Commands = letters.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)

    listed = add_command(
        actions,
        "list",
        "a line per dead letter",
        about="List dead letters, oldest first: when, which request, why, how large.",
        examples=[
            examples[0],
            "sparring deadletters list --json | jq -r 'select(.error == \"StepFailed\") | .message'",
        ],
        exits=["3  there is none"],
    )
    _add_choice(listed, _SINCE, f"default {_SINCE}")
    listed.add_argument("--json", action="store_true", help="for programs: a JSON line each")
    listed.set_defaults(run=_list)

    shown = add_command(
        actions,
        "show",
        "one dead letter: why, its headers; its bytes into a file",
        about="Show the newest dead letter of a request: why it was refused, its headers, where it lies.",
        examples=["sparring deadletters show cam7-000123 --save frame.jpg"],
        exits=["3  there is none of this request"],
    )
    shown.add_argument(
        "request_id", metavar="REQUEST_ID", help="as its answer names it, or its place, topic/partition/offset"
    )
    shown.add_argument("--save", metavar="FILE", help="write the frame's bytes there")
    shown.set_defaults(run=_show)

    resent = add_command(
        actions,
        "resend",
        "send refused frames again, as new frames",
        about=_ABOUT_RESEND,
        examples=[examples[1], "sparring deadletters resend cam7-000123 --pipeline shelf-fixed"],
        exits=["3  there is none of these"],
    )
    resent.add_argument("request_ids", nargs="*", metavar="REQUEST_ID", help="of these requests; default all chosen")
    _add_choice(resent, None, f"default {_SINCE}, or all that is kept where request ids are named")
    resent.add_argument("--pipeline", type=pipeline, metavar="P", help="send to this pipeline; default the frame's own")
    resent.add_argument("--again", action="store_true", help="also what was sent again before; does not ask Redis")
    resent.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    resent.set_defaults(run=_resend)


def _add_choice(parser: argparse.ArgumentParser, since: str | None, default: str) -> None:
    parser.add_argument(
        "--since", type=past, default=since, metavar="WHEN", help=f"30s, 10m, 2h, 1d ago, or an ISO time; {default}"
    )
    parser.add_argument("--error", metavar="E", help="with this error, as docs/contract.md names it; default all")
    parser.add_argument("--of-pipeline", type=pipeline, metavar="P", help="frames of this pipeline; default all")


def _connected() -> "closing[Connection]":
    from sparring.system.connection import Connection, found_settings  # noqa: PLC0415  # slow: see cli.command

    return closing(Connection(found_settings()))


def _chosen(connection: "Connection", parsed: argparse.Namespace) -> "Iterator[DeadLetter]":
    from sparring.operations.deadletters import read_dead_letters  # noqa: PLC0415  # slow: see cli.command

    for letter in read_dead_letters(connection, parsed.since):
        if parsed.of_pipeline in {None, letter.pipeline_name} and parsed.error in {None, letter.error}:
            yield letter


def _of(wanted: set[str], letters: "Iterable[DeadLetter]") -> "Iterator[DeadLetter]":
    """Those of these request ids or frames; all where none is named."""
    return (one for one in letters if not wanted or wanted & {one.request_id, one.frame})


def _list(parsed: argparse.Namespace) -> int:
    with _connected() as connection:
        letters = list(map(_row, _chosen(connection, parsed)))
    if parsed.json:
        import msgspec  # noqa: PLC0415  # slow: see cli.command

        sys.stdout.buffer.writelines(msgspec.json.encode(row) + b"\n" for row in letters)
    elif letters:
        _print(letters)
    else:
        say("no dead letter in this time")
    return OK if letters else NOTHING_THERE


def _row(letter: "DeadLetter") -> dict[str, object]:
    from sparring.checks import moment  # noqa: PLC0415  # as the others

    return {
        "time": moment(letter.at).isoformat(timespec="milliseconds"),
        "request_id": letter.request_id,
        "pipeline": letter.pipeline,
        "error": letter.error,
        "stage": letter.stage,
        "attempts": letter.attempts,
        "message": letter.message,
        "frame": letter.frame,
        "place": letter.place,
        "bytes": letter.left_out_bytes or len(letter.value),
    }


def _print(letters: list[dict[str, object]]) -> None:
    from sparring.cli.tables import console, table  # noqa: PLC0415  # slow: see cli.command

    shown = table("time", "request", "pipeline", "error", "bytes ", "message")
    for letter in letters:
        shown.add_row(*(str(letter[name]) for name in ("time", "request_id", "pipeline", "error", "bytes", "message")))
    console().print(shown)


def _show(parsed: argparse.Namespace) -> int:
    from sparring.operations.deadletters import read_dead_letters  # noqa: PLC0415  # slow: see cli.command

    newest = None
    with _connected() as connection:
        for letter in read_dead_letters(connection, None):
            if parsed.request_id in {letter.request_id, letter.frame}:
                newest = letter
    if newest is None:
        complain(f"no dead letter of {parsed.request_id}: they are kept for 14 days")
        return NOTHING_THERE
    for name, value in _row(newest).items():
        say(f"{name:12}{value}")
    say(f"key         {newest.key!r}", "headers     the frame's own")
    for name, header in newest.headers:
        say(f"  {name:18}{'' if header is None else header.decode(errors='replace')}")
    if parsed.save:
        from sparring.frames.fetch import SourceFrame, resolved  # noqa: PLC0415  # as above
        from sparring.system.connection import found_settings  # noqa: PLC0415  # slow: see cli.command

        original = SourceFrame(newest.key, newest.value, newest.headers)
        Path(parsed.save).write_bytes(resolved(original, found_settings()).value)
    return OK


def _resend(parsed: argparse.Namespace) -> int:
    from schemas.errors import FrameTooLarge  # noqa: PLC0415  # with what follows, which is slow
    from sparring.operations.deadletters import once_each, resend, resent_id, was_answered  # noqa: PLC0415  # see cli.command

    wanted = set(parsed.request_ids)
    if parsed.since is None and not wanted:
        parsed.since = past(_SINCE)
    count = 0
    with _connected() as connection:
        # Read to the end first: what is sent again may be refused again. Its places are kept, not its bytes.
        places = once_each(_of(wanted, _chosen(connection, parsed)))
        for letter in _of(wanted, _chosen(connection, parsed)) if places else ():
            if letter.place not in places:
                continue
            before = resent_id(letter, parsed.pipeline)
            if not parsed.again and was_answered(connection, before):
                complain(f"{letter.request_id}: was sent again as {before}; --again sends it anew")
                continue
            if parsed.dry_run:
                say(f"would send {letter.request_id}: {letter.error}")
                continue
            try:
                new = resend(connection, letter, parsed.pipeline, anew=parsed.again)
            except FrameTooLarge as error:
                complain(f"{letter.request_id}: not sent: FrameTooLarge: {error}")
                continue
            count += 1
            say(f"{letter.request_id} -> {new}")
    if not places:
        complain("no dead letter of these; `sparring deadletters list` shows what there is")
        return NOTHING_THERE
    note(f"{count} of {len(places)} sent again")
    return OK
