"""What `sparring results` does: reads a topic, writes lines, JSON or Arrow."""

import argparse
import contextlib
import logging
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from types import FrameType
from typing import Any, Final, Protocol

import msgspec
import pyarrow as pa

from schemas.errors import SparringError
from schemas.results import Answer
from sparring.cli.exits import OK, WRONG_USAGE
from sparring.cli.out import complain, say
from sparring.cli.results.fields import FIELDS, rows, with_outputs
from sparring.cli.results.lines import Lines
from sparring.kafka.broker import Broker
from sparring.results.answers import AnswerRole, AnswerStream, read_answers
from sparring.results.query import Filter
from sparring.system.connection import found_settings


class DifferentOutputs(SparringError, ValueError):
    """Answers whose outputs are not those of the answers before, in one Arrow stream."""


class _Writer(Protocol):
    """One format. close: what belongs at its end."""

    def write(self, answer: Answer) -> None: ...

    def close(self) -> None: ...


def show_results(parsed: argparse.Namespace, since: int | None) -> int:
    """Write the answers to stdout until there are no more, or until Ctrl-C; returns the exit code."""
    if parsed.format == "arrow" and sys.stdout.isatty():
        complain("--format arrow: binary, not for a terminal; write it to a file or a pipe: > answers.arrow")
        return WRONG_USAGE
    # What the client logs as its connection ends is no news: a failure is raised.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    settings = found_settings()
    wanted = Filter(parsed.pipeline, parsed.model)
    with (
        Broker(settings.brokers) as broker,
        read_answers(
            broker,
            settings.topics,
            parsed.role,
            wanted,
            since=since,
            follow=parsed.follow,
            passed_over=complain,
        ) as answers,
        _until_interrupted(answers, parsed),
    ):
        if parsed.follow and sys.stderr.isatty():
            complain("showing answers as they come; Ctrl-C ends it")
        written = _write(answers, parsed)
    if not written and not parsed.follow:
        complain(f"no {parsed.role} answers like that since then; --since 1d looks further back, --follow waits")
    return OK


def _write(answers: AnswerStream, parsed: argparse.Namespace) -> int:
    """How many were written."""
    written = 0
    with contextlib.closing(_WRITERS[parsed.format](parsed.role)) as writer:
        for answer in islice(answers, parsed.count):
            writer.write(answer)
            written += 1
            if parsed.follow:
                sys.stdout.flush()
    return written


class _Table:
    def __init__(self, role: AnswerRole) -> None:
        # In a file or a pipe nothing is cut.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        self._lines = Lines(width, shadow=role == "shadow")
        self._begun = False

    def write(self, answer: Answer) -> None:
        if not self._begun:
            say(self._lines.head())
            self._begun = True
        say(*self._lines.line(answer).split("\n"))

    def close(self) -> None:
        pass


class _Json:
    def __init__(self, _: AnswerRole) -> None:
        pass

    def write(self, answer: Answer) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(with_outputs(answer)) + b"\n")

    def close(self) -> None:
        pass


class _Arrow:
    """The first result settles the stream's schema; without any, it has the fields and no outputs."""

    def __init__(self, _: AnswerRole) -> None:
        self._stream: Any = None
        self._schema = FIELDS
        self._left_out = 0

    def write(self, answer: Answer) -> None:
        table = rows(answer)
        if table is None:
            self._left_out += 1
            return
        if self._stream is None:
            self._open(table.schema)
        elif table.schema != self._schema:
            self._left_out = 0  # the error is the only line
            raise DifferentOutputs(
                f"{answer.model}@{answer.model_version} has the outputs {_outputs(table.schema)}; those before it have "
                f"{_outputs(self._schema)}: choose one with --model NAME, or NAME@VERSION"
            )
        self._stream.write_table(table)

    def close(self) -> None:
        if self._stream is None:
            self._open(FIELDS)
        self._stream.close()
        sys.stdout.flush()  # a reader that is gone is found out here, and is told nothing
        if self._left_out:
            complain(f"left out: {self._left_out} answers that are no result; --format json has them")

    def _open(self, schema: pa.Schema) -> None:
        self._schema = schema
        stdout: Any = sys.stdout.buffer  # the stubs of pyarrow do not know it for a file
        self._stream = pa.ipc.new_stream(stdout, schema)


_WRITERS: Final[dict[str, Callable[[AnswerRole], _Writer]]] = {"table": _Table, "json": _Json, "arrow": _Arrow}


def _outputs(schema: pa.Schema) -> str:
    """Outputs are equal by name, type and order."""
    return ", ".join(f"{name} ({schema.field(name).type})" for name in schema.names[len(FIELDS) :])


@contextlib.contextmanager
def _until_interrupted(answers: AnswerStream, parsed: argparse.Namespace) -> Iterator[None]:
    """Ctrl-C ends `--follow` after the present write. A second Ctrl-C ends it at once."""
    if not parsed.follow:
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        answers.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
