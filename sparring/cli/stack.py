"""`sparring up`, `down`, `status`: the local stack."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sparring.cli.command import add_command
from sparring.cli.exits import NOTHING_THERE, OK
from sparring.cli.out import print_json, say

if TYPE_CHECKING:
    from sparring.cli.command import Commands
    from sparring.stack.folder import Folder

_ABOUT_UP = """\
Start a real Kafka, a real Valkey, router, host and indexer as processes of this one, on this machine's
loopback. Their data and logs lie in one folder; stacks in different folders run side by side. Without
-d it stays in the foreground, shows its processes, and Ctrl-C stops everything; the data stays."""

_ABOUT_DOWN = """\
Stop the stack in the folder, whoever started it. Its data stays: `sparring up` goes on with it. Where no
stack runs that is said, and is no failure."""

_ABOUT_STATUS = """\
Show the stack in the folder: addresses, processes with their memory, topics with the lag of their
readers, deployed pipelines, warm models. It reads only."""


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the folder of the stack; default $SPARRING_DATA, else ~/.sparring",
    )

    up = add_command(
        commands,
        "up",
        "start Kafka, Valkey, router, host and indexer; Ctrl-C stops them",
        about=_ABOUT_UP,
        examples=["sparring up -d", "sparring up --data /tmp/second --kafka-port 9092 --allow-python"],
        parents=[data],
    )
    up.add_argument("--kafka-port", type=_port, metavar="N", help="where Kafka listens; default a free port")
    up.add_argument("--redis-port", type=_port, metavar="N", help="where Valkey listens; default a free port")
    up.add_argument("--allow-python", action="store_true", help="permit Python steps in this stack's host; default no")
    up.add_argument("-d", "--detach", action="store_true", help="return when everything is ready, and leave it running")
    up.set_defaults(run=_up)

    down = add_command(
        commands,
        "down",
        "stop the stack in the folder; its data stays",
        about=_ABOUT_DOWN,
        examples=["sparring down", "sparring down --data /tmp/second"],
        parents=[data],
    )
    down.set_defaults(run=_down)

    status = add_command(
        commands,
        "status",
        "addresses, processes, topics with lag, pipelines, warm models",
        about=_ABOUT_STATUS,
        examples=["sparring status", "export SPARRING_KAFKA=$(sparring status --json | jq -r .kafka)"],
        exits=["3  no stack is ready in this folder"],
        parents=[data],
    )
    status.add_argument("--json", action="store_true", help="for programs: addresses are `kafka` and `redis`")
    status.set_defaults(run=_status)


def _up(parsed: argparse.Namespace) -> int:
    from sparring.cli.foreground import run_in_foreground, say  # noqa: PLC0415  # slow: see cli.command
    from sparring.stack import LocalStack  # noqa: PLC0415  # as above
    from sparring.stack.detached import start_detached  # noqa: PLC0415  # as above

    folder = _folder(parsed)
    if parsed.detach:
        start_detached(folder, _options(parsed), say)
        return OK
    stack = LocalStack(
        folder.path,
        kafka_port=parsed.kafka_port,
        redis_port=parsed.redis_port,
        allow_python=parsed.allow_python,
        report=say,
    )
    run_in_foreground(stack)
    return OK


def _options(parsed: argparse.Namespace) -> tuple[str, ...]:
    options = ["--allow-python"] if parsed.allow_python else []
    for name, port in (("--kafka-port", parsed.kafka_port), ("--redis-port", parsed.redis_port)):
        if port is not None:
            options += [name, str(port)]
    return tuple(options)


def _down(parsed: argparse.Namespace) -> int:
    from sparring.stack.detached import stop_stack  # noqa: PLC0415  # slow: see cli.command

    say(str(stop_stack(_folder(parsed))))
    return OK


def _status(parsed: argparse.Namespace) -> int:
    from sparring.cli.tables import print_status  # noqa: PLC0415  # slow: see cli.command
    from sparring.stack.status import read_status  # noqa: PLC0415  # as above

    status = read_status(_folder(parsed))
    if parsed.json:
        print_json(status)
    else:
        print_status(status)
    return OK if status.state == "ready" else NOTHING_THERE


def _folder(parsed: argparse.Namespace) -> "Folder":
    from sparring.stack.folder import Folder, default_data  # noqa: PLC0415  # slow: see cli.command

    given: Path | None = parsed.data
    return Folder(given or default_data())


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; expected a number from 1 to 65535")
    return int(text)
