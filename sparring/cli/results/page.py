"""What `sparring result` does: one request's answers as a page, as JSON, as a picture."""

import argparse
import contextlib
from pathlib import Path
from typing import Any

from adapters.redis import AnswerIndex, Answers
from adapters.settings import Settings
from schemas.errors import RetryLater
from schemas.names import PipelineName
from schemas.topics import TopicNames
from sparring.cli.exits import NOTHING_THERE, OK, WRONG_USAGE
from sparring.cli.out import complain, print_json
from sparring.cli.results.details import print_answers
from sparring.cli.results.fields import with_outputs
from sparring.operations.lookup import FoundRequest, find, picture
from sparring.system.connection import Connection, found_settings
from sparring.vision import encode_png


def show_result(parsed: argparse.Namespace) -> int:
    """Look the request up and show it; returns the exit code."""
    settings = found_settings()
    with contextlib.closing(AnswerIndex(settings.redis, settings.namespace)) as index:
        try:
            found = find(index, parsed.request_id, _full(parsed.pipeline))
        except RetryLater as error:
            raise RetryLater(f"{error} `sparring results` reads the answers from Kafka, without Redis") from error
    if found.answers.official is None:
        complain(_nothing(found, settings.topics))
        return NOTHING_THERE if found.pipeline is not None or not found.pipelines else WRONG_USAGE
    if parsed.json:
        print_json(_as_json(found))
    else:
        print_answers(found.answers.official, found.answers, settings.topics)
    if parsed.picture is not None:
        _write_picture(settings, found.answers, parsed)
    return OK


def _full(pipeline: str | None) -> str | None:
    """`workspace/name`; what is no pipeline's name as it is: so a frame may have named it."""
    if pipeline is None:
        return None
    try:
        return str(PipelineName.parse(pipeline))
    except ValueError:
        return pipeline


def _nothing(found: FoundRequest, topics: TopicNames) -> str:
    """Why there is no official answer, and what to do."""
    named = ", ".join(found.pipelines)
    if not found.pipelines:
        return (
            f"no answer to request {found.request_id}: not answered yet, a wrong id, or older than Redis keeps answers "
            f"(24 h; {topics.results} keeps them longer: sparring results --since 7d --format json)"
        )
    if found.pipeline is None:
        return f"request {found.request_id} was answered by several pipelines: choose one with --pipeline: {named}"
    if found.pipeline not in found.pipelines:
        return f"no answer to request {found.request_id} from pipeline {found.pipeline}; there is one from: {named}"
    return f"no official answer to request {found.request_id} from {found.pipeline} yet; a challenger has answered"


def _as_json(found: FoundRequest) -> dict[str, Any]:
    answers = found.answers
    return {
        "request_id": found.request_id,
        "pipeline": found.pipeline,
        "official": None if answers.official is None else with_outputs(answers.official),
        "challengers": [with_outputs(answer) for answer in answers.challengers],
        "duplicates": answers.duplicates,
    }


def _write_picture(settings: Settings, answers: Answers, parsed: argparse.Namespace) -> None:
    with contextlib.closing(Connection(settings)) as connection:
        image = picture(connection, answers, parsed.confidence_min)
    path = Path(parsed.picture)
    path.write_bytes(encode_png(image))
    complain(f"wrote {path}, {image.shape[1]} x {image.shape[0]} pixels")
