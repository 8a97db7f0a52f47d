"""The arguments of `configure()` in a pipeline file. What they may be, `sparring.configuration` says."""

import inspect
import re
from typing import Any, Final

import pyarrow as pa

from sparring.model import ModelVersion
from sparring.wanted.place import Place

ARGUMENTS: Final = tuple(name for name in inspect.signature(ModelVersion.configure).parameters if name != "self")
_SCHEMAS: Final = ("input_schema", "output_schema")
_LIST: Final = re.compile(r"list<(.+)>")
_TYPE: Final = "a type: float, double, int64, bool, string, or a list of one, such as list<float>"


def read_arguments(place: Place) -> dict[str, Any]:
    """As `configure()` takes them, by name; schemas as pyarrow's, the rest as it stands."""
    fields = place.known(ARGUMENTS)
    return {name: _schema(one) if name in _SCHEMAS else one.value for name, one in fields.items()}


def _schema(place: Place) -> pa.Schema:
    fields = place.fields("a mapping of types by name, such as boxes: list<float>")
    found: list[pa.Field[Any]] = [pa.field(name, _type(one, one.text(_TYPE))) for name, one in fields.items()]
    return pa.schema(found)


def _type(place: Place, text: str) -> Any:
    if inside := _LIST.fullmatch(text):
        return pa.list_(_type(place, inside[1].strip()))
    by_name: Any = pa.type_for_alias  # its stubs know only literals
    try:
        return by_name(text)
    except ValueError:
        raise place.wrong(_TYPE) from None
