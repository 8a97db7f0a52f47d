"""`sparring up`, `down`, `status`: the local stack."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from sparring.cli.foreground import run_in_foreground, say
from sparring.cli.tables import print_status
from sparring.stack import LocalStack
from sparring.stack.detached import start_detached, stop_stack
from sparring.stack.folder import Folder, default_data
from sparring.stack.status import read_status

if TYPE_CHECKING:
    # argparse does not give the type of its subparsers a public name.
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

OK: Final = 0
NOT_RUNNING: Final = 3


def add_commands(commands: "Commands") -> None:
    """Add this group's commands."""
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the folder of the stack; default $SPARRING_DATA, else ~/.sparring",
    )

    up = commands.add_parser(
        "up", parents=[data], help="start Kafka, Valkey, router, host and indexer; Ctrl-C stops them"
    )
    up.add_argument("--kafka-port", type=_port, metavar="N", help="where Kafka listens; default a free port")
    up.add_argument("--redis-port", type=_port, metavar="N", help="where Valkey listens; default a free port")
    up.add_argument("--allow-python", action="store_true", help="permit Python steps in this stack's host")
    up.add_argument("-d", "--detach", action="store_true", help="return when everything is ready")
    up.set_defaults(run=_up)

    down = commands.add_parser("down", parents=[data], help="stop the stack in the folder; its data stays")
    down.set_defaults(run=_down)

    status = commands.add_parser(
        "status", parents=[data], help="addresses, processes, topics with lag, pipelines, warm models"
    )
    status.add_argument("--json", action="store_true", help="for programs: addresses are `kafka` and `redis`")
    status.set_defaults(run=_status)


def _up(parsed: argparse.Namespace) -> int:
    data = _data(parsed)
    if parsed.detach:
        options = _options(parsed)
        start_detached(Folder(data), options, say)
        return OK
    stack = LocalStack(
        data,
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
    say(stop_stack(Folder(_data(parsed))))
    return OK


def _status(parsed: argparse.Namespace) -> int:
    status = read_status(Folder(_data(parsed)))
    if parsed.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(status), indent=2) + b"\n")
    else:
        print_status(status)
    return OK if status.state == "ready" else NOT_RUNNING


def _data(parsed: argparse.Namespace) -> Path:
    given: Path | None = parsed.data
    return given or default_data()


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; expected a number from 1 to 65535")
    return int(text)
