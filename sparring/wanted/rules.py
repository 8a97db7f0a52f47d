"""Reads the validation rules of a pipeline file: SQL, which `adapters.rules` has polars parse."""

from typing import Final

from adapters.rules import parsed
from schemas.pipelines import Validation
from sparring.wanted.place import Place

EXAMPLE: Final = """ARRAY_GET("out.variable", 1) > 1000000.0"""


def read_rules(place: Place) -> tuple[Validation, ...]:
    """The rules by name; WrongFile where one is none."""
    return tuple(_rule(name, one) for name, one in place.fields("a mapping of rules by name").items())


def _rule(name: str, place: Place) -> Validation:
    text = place.text(f"a rule in SQL, such as {EXAMPLE}")
    try:
        return parsed(name, text)
    except (TypeError, ValueError) as error:
        raise place.refused(f"{error}; a rule here is SQL, not Python, such as {EXAMPLE}") from error
