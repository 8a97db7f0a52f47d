"""Arguments of the SDK's calls, checked before anything is sent; structs made of a user's fields; times as printed.

TypeError for a wrong type, ValueError for a wrong value. Every message begins with the argument's name, then the value
and what is accepted. Pure, except that `checked_file` and `checked_folder` look at the file system.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt

SECONDS_MAX: Final = 31_536_000.0
"""A year: longer than any useful wait, and below the limits of clocks and condition variables."""


def checked_bool(argument: str, given: object) -> bool:
    """True or False. Nothing else is accepted: the text `"no"` would count as true."""
    if not isinstance(given, bool | np.bool_):
        raise TypeError(f"{argument}: {given!r}; expected True or False")
    return bool(given)


def checked_count(argument: str, given: object, least: int, most: int | None = None) -> int:
    """A whole number from `least` to `most`, both inclusive."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise TypeError(f"{argument}: {given!r}; expected a whole number")
    count = int(given)
    if count < least or (most is not None and count > most):
        raise ValueError(
            f"{argument}: {count}; expected {f'at least {least}' if most is None else f'{least} to {most}'}"
        )
    return count


def checked_number(argument: str, given: object) -> int | float:
    """A number as a Python int or float: an int stays an int. NaN and infinities are accepted."""
    if isinstance(given, np.generic):
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError(f"{argument}: {given!r}; expected a number")
    if isinstance(given, int) and abs(given) > 2**53:
        raise ValueError(f"{argument}: a number of {given.bit_length()} bits; expected one that a float holds exactly")
    return given


def checked_seconds(argument: str, given: object, *, above_zero: bool = False) -> float:
    """Seconds of a wait: finite, at most SECONDS_MAX."""
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise TypeError(f"{argument}: {given!r}; expected seconds")
    seconds = checked_number(argument, given)
    if not 0 <= seconds <= SECONDS_MAX or (above_zero and seconds == 0):
        accepted = "above 0" if above_zero else ">= 0"
        raise ValueError(
            f"{argument}: {seconds}; expected a finite number of seconds {accepted}, at most {SECONDS_MAX:.0f} (a year)"
        )
    return float(seconds)


def checked_unix_ms(argument: str, given: object) -> int | None:
    """A time as Unix milliseconds; without a time zone it is UTC. None stays None."""
    if given is None:
        return None
    if not isinstance(given, datetime):
        raise TypeError(f"{argument}: {given!r}; expected a datetime (without a time zone: UTC, as in the log)")
    aware = given if given.tzinfo is not None else given.replace(tzinfo=UTC)
    if aware != aware:  # noqa: PLR0124  # pandas' NaT is a datetime
        raise ValueError(f"{argument}: {given}; expected a datetime")
    return int(aware.timestamp() * 1000)


def checked_text(argument: str, given: object, expected: str) -> str:
    """Text that can be encoded as UTF-8: without lone surrogates."""
    if not isinstance(given, str):
        raise TypeError(f"{argument}: {type(given).__name__}; expected {expected}")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{argument}: {given!r} cannot be written as UTF-8; expected {expected}") from None
    return given


def checked_texts(argument: str, given: object, expected: str) -> tuple[str, ...]:
    """A list of text, each as `checked_text` accepts it."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        got = repr(given) if isinstance(given, str) else type(given).__name__
        raise TypeError(f"{argument}: {got}; expected {expected}")
    for text in given:
        if not isinstance(text, str):
            raise TypeError(f"{argument}: {text!r} is no text; expected {expected}")
        checked_text(argument, text, expected)
    return tuple(given)


def checked_picture(argument: str, given: object) -> npt.NDArray[np.uint8]:
    """A picture: uint8 [height, width, 3], RGB."""
    accepted = "expected uint8 [height, width, 3], RGB"
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{argument}: {type(given).__name__}; {accepted}")
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or 0 in given.shape:
        raise ValueError(f"{argument}: {given.dtype} {list(given.shape)}; {accepted}")
    return given


def checked_file(argument: str, given: object, expected: str = "a path") -> Path:
    """The path of a file; FileNotFoundError if it is not a file."""
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"{argument}: {type(given).__name__}; expected {expected}")
    where = Path(given)
    if not where.is_file():
        raise FileNotFoundError(f"{argument}: {where} is no file")
    return where


def checked_folder(argument: str, given: object) -> Path:
    """The path of a folder, which need not exist yet; NotADirectoryError if it or a parent is a file."""
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"{argument}: {type(given).__name__}; expected the path of a folder")
    where = Path(given)
    for part in (where, *where.parents):
        if part.exists():
            if part.is_dir():
                break
            raise NotADirectoryError(f"{argument}: {where}: {part} is a file; expected a folder")
    return where


def checked_file_name(argument: str, given: object) -> str:
    """A prefix of a file name, without a folder."""
    name = checked_text(argument, given, "the beginning of a file's name")
    if not name or not name.isprintable() or set(name) & {"/", "\\"}:
        raise ValueError(f"{argument}: {name!r}; expected the beginning of a file's name, without a folder")
    return name


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


def moment(unix_ms: int) -> datetime:
    """A UTC time; it prints as `2023-08-14 14:34:08.984000+00:00`."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def printed(unix_ms: int) -> str:
    """`2023-08-14 14:34:08.984000+00:00`: always with its fraction."""
    return moment(unix_ms).isoformat(sep=" ", timespec="microseconds")
