"""The command line as typed: in this process, with its exit code and what it printed."""

import pytest

from sparring import cli
from sparring.cli.exits import OK

Said = pytest.CaptureFixture[str]


def typed(said: Said, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    code = cli.main(arguments)
    out, err = said.readouterr()
    return code, out, err


def printed(said: Said, *arguments: str) -> str:
    """Stdout of a command that succeeds."""
    code, out, err = typed(said, *arguments)
    assert code == OK, err
    return out
