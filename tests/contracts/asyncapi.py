"""docs/asyncapi.yaml as tests read it, and what schemas/ says that its JSON records are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import yaml
from jsonschema import Draft7Validator

from schemas.catalog import CatalogRecord
from schemas.presence import Beat
from schemas.tasks import Slip

DOCUMENT: Final[dict[str, Any]] = yaml.safe_load((Path(__file__).parents[2] / "docs" / "asyncapi.yaml").read_text())
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
_REFERENCE: Final = "#/components/schemas/{name}"


def resolved(reference: Mapping[str, str]) -> Any:
    """What a `$ref` leads to, inside the document."""
    found: Any = DOCUMENT
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def messages(channel: str) -> dict[str, dict[str, Any]]:
    """The messages of a channel, by the names that they have there."""
    return {name: resolved(message) for name, message in DOCUMENT["channels"][channel]["messages"].items()}


def errors(schema: Mapping[str, Any], instance: object) -> list[str]:
    """Why something does not fit a schema of the document; empty where it fits. The dialect is draft 7."""
    whole: dict[str, Any] = {"allOf": [schema], "components": {"schemas": SCHEMAS}}
    return [f"{error.json_path}: {error.message[:200]}" for error in Draft7Validator(whole).iter_errors(instance)]


def why_not(message: Mapping[str, Any], headers: Mapping[str, str], value: bytes) -> list[str]:
    """Why a record is not this message; empty where it is."""
    found = errors(message.get("headers", {}), headers)
    if message.get("contentType") == "application/json":
        try:
            found += errors(message["payload"], msgspec.json.decode(value))
        except msgspec.DecodeError as error:
            found.append(f"the value is no JSON: {error}")
    return found


def record_schemas() -> dict[str, Any]:
    """What msgspec makes of everything that travels as JSON."""
    _, found = msgspec.json.schema_components([*get_args(CatalogRecord), Beat, Slip], ref_template=_REFERENCE)
    return {name: shape(schema) for name, schema in found.items()}


def shape(schema: object) -> Any:
    """A schema without its words, in the dialect of the document: a tuple's places are its `items`, and a union
    needs no discriminator."""
    match schema:
        case {"prefixItems": places, **rest}:
            return shape(rest) | {"items": [shape(place) for place in places]}
        case dict():
            return {
                # Names of fields are no keywords, whatever they are.
                name: {field: shape(of) for field, of in inside.items()} if name == "properties" else shape(inside)
                for name, inside in schema.items()
                if name not in ("title", "description", "discriminator")
            }
        case list() | tuple():
            return [shape(inside) for inside in schema]
        case _:
            return schema
