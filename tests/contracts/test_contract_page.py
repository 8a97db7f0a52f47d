"""docs/contract.md: its tables are what the code says, nothing is missing, nothing is left over."""

import re
from pathlib import Path
from typing import get_args

import pytest

from schemas.errors import RefusalCode, Stage
from schemas.frames import ALIASES, SAYING_NOTHING
from schemas.keys import Keys
from schemas.limits import IMAGE_PIXELS_MAX, PIPELINE_LOG_MAX
from schemas.names import ModelKey
from schemas.results import Status
from schemas.tasks import Role
from schemas.topics import Topic, fixed_topics, work_topic
from tests.contracts.asyncapi import SCHEMAS

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
MODEL = ModelKey("<workspace>", "<model>", "<version>")
TOPICS = (*fixed_topics("n"), *(work_topic("n", MODEL, lane) for lane in ("official", "shadow")))


def first_words(heading: str) -> set[str]:
    """What stands in backticks in the first column of the tables under a heading."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (`[^|]*?) \|", section, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def kept(topic: Topic) -> str:
    if topic.compacted:
        return "newest per process"
    if topic.retention_ms < 0:
        return "for ever"
    hours = topic.retention_ms // 3_600_000
    return f"{hours // 24} days" if hours > 48 else f"{hours} h"


def test_every_topic_is_on_the_page_and_how_long_it_is_kept() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \|(?:[^|\n]*\|){4} ([^|\n]*) \|$", PAGE, re.MULTILINE))
    assert rows == {topic.name.removeprefix("n."): kept(topic) for topic in TOPICS}


def test_every_header_of_a_frame_is_on_the_page() -> None:
    assert first_words("A frame") == SCHEMAS["FrameHeaders"]["properties"].keys()


def test_every_alias_of_a_content_type_is_on_both_pages() -> None:
    described = SCHEMAS["FrameHeaders"]["properties"]["content-type"]["description"]
    for named in {*ALIASES, *SAYING_NOTHING} - {""}:
        assert f"`{named}`" in PAGE
        assert f"`{named}`" in described


def test_every_header_of_an_answer_is_on_the_page() -> None:
    assert first_words("An answer") == SCHEMAS["AnswerHeaders"]["properties"].keys()


def test_every_header_of_a_dead_letter_is_on_the_page() -> None:
    assert first_words("A dead letter") == SCHEMAS["DeadLetterHeaders"]["properties"].keys()


def test_every_error_is_on_the_page() -> None:
    assert first_words("Errors") == set(get_args(RefusalCode))


@pytest.mark.parametrize("word", [*get_args(Status), *get_args(Role), *get_args(Stage), "Expired", "Shed"])
def test_every_status_role_and_stage_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_every_key_of_redis_is_on_the_page() -> None:
    keys = Keys("<namespace>")
    names = (keys.request("<request id>"), keys.pipeline("<workspace/name>"), keys.answered("<request id>"))
    assert all(f"| `{name}` |" in PAGE for name in names)
    assert f"the newest {PIPELINE_LOG_MAX:,}" in PAGE


def test_the_limits_are_the_codes() -> None:
    assert f"above {IMAGE_PIXELS_MAX:,} pixels" in PAGE
