"""What commands say to a person: nothing that a stranger wrote is obeyed by a terminal, and a line stays a line."""

import argparse
import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from schemas.errors import Refused
from schemas.frames import RawHeaders
from schemas.results import dead_letter
from sparring import Client
from sparring.cli import main
from sparring.cli.out import OneLine, complain, escape_controls, note, say, warnings_as_lines
from sparring.cli.tables import console, lines, table
from sparring.stack import LocalStack
from tests.nouns import frame
from tests.sparring.sdk import fresh_settings

HOSTILE = "shelf\x1b[2J\x07\r\nforged\x7f\x9b1m\u2028row\u202e[red]x[/]"
SHOWN = r"shelf\x1b[2J\x07\r\nforged\x7f\x9b1m\u2028row\u202e[red]x[/]"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
CLI = Path(__file__).parents[3] / "sparring" / "cli"


def test_what_a_terminal_obeys_is_shown_as_python_writes_it() -> None:
    assert escape_controls(HOSTILE) == SHOWN
    assert escape_controls("Köln 東京 \U0001f980 a\u00a0b `[1]`") == "Köln 東京 \U0001f980 a\u00a0b `[1]`"
    assert escape_controls("no UTF-8: \udcff") == r"no UTF-8: \udcff"


def test_each_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE, "second")
    note(HOSTILE)
    complain(HOSTILE)
    written = capsys.readouterr()
    assert written.out == f"{SHOWN}\nsecond\n"
    assert written.err == f"{SHOWN}\nsparring: {SHOWN}\n"


def test_a_cell_of_a_table_is_one_line_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("name", HOSTILE)
    rows.add_row("[bold]a[/]", HOSTILE)
    rows.add_row("b", lines([HOSTILE, "second"]))
    console().print(rows)
    head, first, second, third = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", *SHOWN.split()]
    assert first.split() == ["[bold]a[/]", *SHOWN.split()]
    assert second.split() == ["b", *SHOWN.split()]
    assert third.split() == ["second"]


def test_on_a_terminal_too() -> None:
    rows = table("name")
    rows.add_row(HOSTILE)
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=300)
    terminal.print(rows)
    assert isinstance(terminal.file, io.StringIO)
    assert OBEYED.search(terminal.file.getvalue()) is None
    assert SHOWN in terminal.file.getvalue()


def test_what_is_logged_is_one_line() -> None:
    record = logging.LogRecord("kafka", logging.ERROR, "", 0, "topic %s", (HOSTILE,), None)
    assert OneLine("sparring: %(message)s").format(record) == f"sparring: topic {SHOWN}"


def test_a_warning_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings_as_lines():
        warnings.warn(HOSTILE, stacklevel=1)
    assert capsys.readouterr().err == f"sparring: {SHOWN}\n"


def test_what_a_command_warns_of_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(_: argparse.Namespace) -> int:
        warnings.warn(HOSTILE, stacklevel=1)
        return 0

    monkeypatch.setattr("sparring.cli._version", warn)
    assert main(["version"]) == 0
    assert capsys.readouterr().err == f"sparring: {SHOWN}\n"


def test_a_traceback_that_is_logged_keeps_its_lines_and_is_not_obeyed() -> None:
    try:
        int("\x1b[2J\u202e")
    except ValueError as error:
        error.args = ("field 'x\x1b[2J\u202e'",)
        record = logging.LogRecord("kafka", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    lines = OneLine("sparring: %(message)s").format(record).split("\n")
    assert (lines[:2], lines[-1]) == (
        ["sparring: failed", "Traceback (most recent call last):"],
        r"ValueError: field 'x\x1b[2J\u202e'",
    )


@pytest.mark.parametrize("path", sorted(CLI.rglob("*.py")), ids=lambda path: str(path.relative_to(CLI)))
def test_commands_write_for_people_by_one_module(path: Path) -> None:
    if path.name in {"out.py", "tables.py", "completion.py"}:
        return
    found = re.findall(r"sys\.std(?:out|err)\.write\w*|(?<![.\w])print\(|(?<!\w)Console\(\w*", path.read_text())
    assert found == []


@pytest.fixture(scope="module")
def hostile(broker: LocalStack) -> Iterator[None]:
    """A system with a dead letter whose every header is hostile, and a record on `results` that is no answer."""
    settings = fresh_settings(broker, "cli-out")
    where = {
        "SPARRING_KAFKA": settings.kafka,
        "SPARRING_REDIS": settings.redis,
        "SPARRING_STORE": settings.store,
        "SPARRING_NAMESPACE": settings.namespace,
    }
    headers: RawHeaders = [("pipeline", HOSTILE.encode()), (f"camera{HOSTILE}", HOSTILE.encode())]
    refused = frame(value=b"x", headers=headers)
    with Client(settings) as client, pytest.MonkeyPatch.context() as patch:
        for name, setting in where.items():
            patch.setenv(name, setting)
        key, value, headers = dead_letter(refused, Refused("BadHeader", HOSTILE, "route"), 1)
        connection = client._connection  # noqa: SLF001 (what the command line opens by itself)
        connection.broker.send(connection.topics.deadletters, value or b"", key, headers)
        connection.broker.send(connection.topics.results, b"x", b"k", [("frame", HOSTILE.encode())])
        yield


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(
    "command",
    [
        ["deadletters", "list"],
        ["deadletters", "show", HOSTILE],
        ["deadletters", "resend", "--dry-run"],
        ["send", f"nowhere{HOSTILE}.jpg", "--pipeline", "none"],
        ["send", "nowhere.jpg", "--pipeline", HOSTILE],
        ["result", HOSTILE],
        ["results", "--since", "1h"],
        ["pipeline", "show", HOSTILE],
        ["pipeline", "apply", "-f", f"nowhere{HOSTILE}.yaml"],
        ["model", "show", HOSTILE],
        ["model", "list", "--workspace", HOSTILE],
        ["replay", f"nowhere{HOSTILE}", "--pipeline", "none", "--out", "nowhere"],
        ["compare", f"nowhere{HOSTILE}"],
        ["verify", "--from", HOSTILE],
        [f"nothing{HOSTILE}"],
        ["topics", "list"],
    ],
    ids=lambda command: " ".join(command[:2]).replace(HOSTILE, "HOSTILE"),
)
def test_no_command_passes_on_what_a_terminal_would_obey(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with suppress(SystemExit):
        main(command)
    written = capsys.readouterr()
    for said in (written.out, written.err):
        assert OBEYED.search(said) is None, repr(said)
        assert not any(line.startswith("forged") for line in said.splitlines()), said
    assert written.out + written.err


@pytest.mark.usefixtures("hostile")
def test_a_dead_letter_is_listed_on_one_line_and_shown_with_its_headers(capsys: pytest.CaptureFixture[str]) -> None:
    main(["deadletters", "list", "--json"])
    row = json.loads(capsys.readouterr().out)
    assert row["pipeline"] == HOSTILE
    main(["deadletters", "list"])
    _head, line = capsys.readouterr().out.splitlines()
    assert line.count(SHOWN) == 2, "the header, and the error's message"
    main(["deadletters", "show", row["request_id"]])
    page = capsys.readouterr().out.splitlines()
    assert f"pipeline    {SHOWN}" in page
    assert f"  camera{SHOWN}{SHOWN}" in page
