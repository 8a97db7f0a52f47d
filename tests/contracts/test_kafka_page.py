"""docs/kafka.md: what its programs name exists, in every language, and they stay short."""

import re
from typing import get_args

import pytest

from schemas.errors import RefusalCode
from schemas.keys import Keys
from schemas.limits import KEY_BYTES_MAX, KIB, REQUEST_ID_CHARS_MAX
from schemas.topics import fixed_topics
from tests.contracts.asyncapi import SCHEMAS
from tests.contracts.kafka_page import LOOK_UP, PAGE, PROGRAMS, READ, SEND, WHOLE_TRIP, Program, printed

HEADERS = SCHEMAS["FrameHeaders"]["properties"].keys() | SCHEMAS["AnswerHeaders"]["properties"].keys()
FRAMES = fixed_topics("sparring")[0]
_FRAME_OF_A_PROGRAM = re.compile(r"^(import|from|package|class|    public static|func main|[\s{}()]*$|\s*\")")


def told(program: Program) -> list[str]:
    """The lines that say something: no imports, no braces."""
    return [line for line in program.code.splitlines() if not _FRAME_OF_A_PROGRAM.match(line)]


@pytest.mark.parametrize(
    ("section", "languages"),
    [
        (SEND, ["python", "python", "sh", "java", "go"]),
        (READ, ["python", "sh", "java", "go"]),
        (LOOK_UP, ["sh", "python"]),
        (WHOLE_TRIP, ["python"]),
    ],
)
def test_a_section_has_a_program_in_each_language(section: str, languages: list[str]) -> None:
    assert [one.language for one in PROGRAMS if one.section == section] == languages


@pytest.mark.parametrize("program", [one for one in PROGRAMS if one.section == SEND], ids=lambda one: one.language)
def test_sending_takes_ten_lines(program: Program) -> None:
    assert len(told(program)) <= 10


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: f"{one.section}-{one.language}")
def test_every_topic_and_key_in_a_program_exists(program: Program) -> None:
    known = {topic.name for topic in fixed_topics("sparring")}
    named = set(re.findall(r"\bsparring\.[a-z]+\b", program.code))
    assert named <= known
    keys = set(re.findall(r"\bsparring:[a-z]+:", program.code))
    assert keys <= {Keys("sparring").request(""), Keys("sparring").answered("")}
    assert named or keys


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: f"{one.section}-{one.language}")
def test_every_header_in_a_program_exists(program: Program) -> None:
    patterns = (
        r'headers\["([\w-]+)"\]',  # Python and Go, reading
        r'headers\.get\("([\w-]+)"\)',  # Java, reading
        r'\("([\w-]+)", b?"',  # kafka-python and Java, sending
        r'\("([\w-]+)", \w+\.encode',
        r'"([\w-]+)": "',  # confluent-kafka, sending
        r'Key: "([\w-]+)"',  # Go, sending
        r"-H ([\w-]+)=",  # kcat
    )
    named = {name for pattern in patterns for name in re.findall(pattern, program.code)}
    settings = {"bootstrap.servers", "partitioner"}
    assert named - settings <= HEADERS
    if program.section == SEND:
        assert named - settings == {"pipeline", "request-id"}


@pytest.mark.parametrize("code", printed(SEND, "python") + printed(READ, "python") + printed(WHOLE_TRIP, "python"))
def test_the_programs_import_nothing_of_ours(code: str) -> None:
    imported = set(re.findall(r"^(?:import|from) ([\w., ]+?)(?: import .*)?$", code, re.MULTILINE))
    assert imported <= {"kafka", "confluent_kafka", "pyarrow.ipc", "json, sys, time, uuid", "redis"}


def test_the_sizes_on_the_page_are_the_codes() -> None:
    assert set(re.findall(r"\b\d{8}\b", PAGE)) == {str(FRAMES.record_bytes_max)}
    assert f"{FRAMES.record_bytes_max:,} bytes" in PAGE
    assert f"more than {KEY_BYTES_MAX // KIB} KiB" in PAGE
    assert f"longer than {REQUEST_ID_CHARS_MAX}" in PAGE


def test_every_error_on_the_page_exists() -> None:
    (section,) = re.findall(r"^## When it goes wrong\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    cells = [row.split("|")[2] for row in section.splitlines() if row.startswith("| ") and "the client (" not in row]
    named = {word for cell in cells for word in re.findall(r"`([A-Z][a-zA-Z]+)`", cell)}
    assert len(named) > 5
    assert named <= set(get_args(RefusalCode))
