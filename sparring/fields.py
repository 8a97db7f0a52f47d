"""A struct made of what a user gives for its fields, in Python or in a file. Pure."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

_WORDS: Final = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    NoneType: "None",
}
_COUNTS: Final = {2: "two", 3: "three", 4: "four"}


def struct_of(argument: str, given: Mapping[Any, object], kind: type[S]) -> S:
    """A `kind` with these fields; ValueError that begins with `argument`, and names the field, what came and every
    accepted value of a closed set."""
    hints = get_type_hints(kind)
    names = kind.__struct_fields__
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"{argument}: unknown {unknown}; expected some of {list(names)}")
    fields = {}
    for name, value in given.items():
        try:
            fields[name] = msgspec.convert(plain(value), hints[name])
        except msgspec.ValidationError:
            raise ValueError(f"{argument}: {name} {value!r}; expected {in_words(hints[name])}") from None
    return kind(**fields)


def plain(value: object) -> object:
    """Numbers and arrays of NumPy as Python has them, in lists too."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def in_words(hint: Any) -> str:
    """The accepted values of a type: `one of 'RGB', 'BGR'`, `a whole number or None`."""
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return f"{'one of ' if len(arguments) > 1 else ''}{', '.join(map(repr, arguments))}"
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(in_words(one) for one in arguments)
    if get_origin(hint) is tuple and Ellipsis in arguments:
        return f"a list, each {in_words(arguments[0])}"
    if get_origin(hint) is tuple:
        return f"a list of {_COUNTS.get(len(arguments), len(arguments))}, each {in_words(arguments[0])}"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
