"""docs/deploy.md names only what is there: variables, commands, files, numbers."""

import re

import pytest

from schemas.limits import PARTITIONS, SESSION_TIMEOUT_MS, STOP_S_MAX
from schemas.topics import RECORD_BYTES_MAX
from sparring.stack.kafka import KAFKA_VERSION
from tests.deploy.commands import SETTINGS, understood
from tests.deploy.files import DOCKERFILE, FILLED_WITH, ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text()


def test_every_variable_on_it_is_a_setting() -> None:
    assert set(re.findall(r"SPARRING_[A-Z_]+", PAGE)) <= set().union(*SETTINGS.values())


@pytest.mark.parametrize("command", re.findall(r"`((?:python -m|sparring topics) [a-z. ]+)`", PAGE))
def test_every_command_on_it_starts_something(command: str) -> None:
    assert understood(command.split())


def test_every_variable_of_the_compose_file_is_on_it_and_no_other() -> None:
    table = PAGE.partition("| variable of `compose.yaml`")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`([A-Z_]+)`", line.split("|")[1:2][0])}
    assert named == set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))


def test_every_build_argument_is_on_it_and_no_other() -> None:
    table = PAGE.partition("| build argument")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE)) == set(
        re.findall(r"^ARG ([A-Z_]+)=", DOCKERFILE, re.MULTILINE)
    )


def test_the_line_that_fills_the_template_fills_all_of_it() -> None:
    lines = PAGE.partition("    export IMAGE=")[2].partition("    envsubst")[0]
    given = dict(pair.split("=", 1) for pair in f"IMAGE={lines}".replace("export ", "").split())
    assert given == FILLED_WITH


def test_its_numbers_are_the_codes() -> None:
    assert f"The tests run on {KAFKA_VERSION} only" in PAGE
    assert f"stop within {STOP_S_MAX:g} seconds" in PAGE
    assert f"`{SESSION_TIMEOUT_MS}` or less" in PAGE
    assert (PARTITIONS, "Four is the number of partitions" in PAGE) == (4, True)
    needed = re.search(r"`replica.fetch.max.bytes` \| `(\d+)` or more", PAGE)
    assert needed
    assert int(needed[1]) > RECORD_BYTES_MAX
    assert f"up to {RECORD_BYTES_MAX / 2**20:.1f} MiB" in PAGE
