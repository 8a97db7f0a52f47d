"""Bytes that were written once are understood for ever, and are what docs/asyncapi.yaml describes."""

import json
from typing import Any, get_args

import pytest

from schemas.catalog import CatalogRecord
from schemas.results import Status
from tests.contracts.asyncapi import DOCUMENT, errors, messages, resolved, why_not
from tests.contracts.example import read_examples

EXAMPLES = read_examples()
WITH_VALUE = {name: example for name, example in EXAMPLES.items() if example.message}
EMBEDDED: dict[str, dict[str, Any]] = {
    "slip": {"$ref": "#/components/schemas/Slip"},
    "split": {"type": "array", "items": {"$ref": "#/components/schemas/SplitChoice"}},
}


def holds(part: object, whole: object) -> bool:
    """Whether `whole` says all that `part` says; it may say more."""
    match part, whole:
        case dict(), dict():
            return all(name in whole and holds(inside, whole[name]) for name, inside in part.items())
        case list(), list():
            return len(part) == len(whole) and all(map(holds, part, whole))
        case _:
            return part == whole


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_bytes_mean_what_they_meant(name: str) -> None:
    example = EXAMPLES[name]
    assert example.means
    assert holds(example.means, example.meaning()), example.meaning()


@pytest.mark.parametrize("name", WITH_VALUE)
def test_the_bytes_are_the_message_that_the_document_describes(name: str) -> None:
    example = EXAMPLES[name]
    assert why_not(messages(example.topic)[example.message], example.text_headers, example.value or b"") == []


@pytest.mark.parametrize("name", WITH_VALUE)
def test_json_inside_a_header_is_as_described(name: str) -> None:
    for header, schema in EMBEDDED.items():
        if header in (headers := EXAMPLES[name].text_headers):
            assert errors(schema, json.loads(headers[header])) == []


@pytest.mark.parametrize("channel", DOCUMENT["channels"])
def test_every_message_has_an_example(channel: str) -> None:
    shown = {example.message for example in WITH_VALUE.values() if example.topic == channel}
    assert shown == messages(channel).keys()


def test_every_status_and_every_kind_of_catalog_record_is_among_them() -> None:
    assert {example.text_headers.get("status") for example in EXAMPLES.values()} - {None} == set(get_args(Status))
    records = {example.message for example in EXAMPLES.values() if example.topic == "catalog"}
    assert records == {record.__name__ for record in get_args(CatalogRecord)}


@pytest.mark.parametrize("name", [name for name, example in WITH_VALUE.items() if example.headers])
def test_without_a_header_that_is_required_it_is_no_such_message(name: str) -> None:
    example = EXAMPLES[name]
    message = messages(example.topic)[example.message]
    for header in required(message["headers"]):
        rest = {key: text for key, text in example.text_headers.items() if key != header}
        assert why_not(message, rest, example.value or b"") == [f"$: {header!r} is a required property"]


def required(headers: dict[str, object]) -> list[str]:
    parts = headers.get("allOf", [headers])
    assert isinstance(parts, list)
    named = [resolved(part) if "$ref" in part else part for part in parts]
    return [name for part in named for name in part.get("required", [])]


@pytest.mark.parametrize("message", DOCUMENT["components"]["messages"])
def test_the_documents_own_examples_fit(message: str) -> None:
    described = DOCUMENT["components"]["messages"][message]
    for example in described.get("examples", []):
        if "headers" in example:
            assert errors(described["headers"], example["headers"]) == []
        if "payload" in example:
            assert errors(described["payload"], example["payload"]) == []
