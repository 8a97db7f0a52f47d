"""What the SDK's calls take, checked before anything is sent. Pure, but for looking whether a file is there.

A message begins with the argument's name, says what came and what is accepted: TypeError for a wrong type,
ValueError for a wrong value.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

SECONDS_MAX: Final = 31_536_000.0
"""A year: more than anyone waits, and less than what clocks and conditions can take."""


def checked_bool(argument: str, given: object) -> bool:
    """True or False. Nothing else is taken for one: the text `"no"` would be true."""
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
    """A number as Python has it: an int stays one. NaN and infinities pass."""
    if isinstance(given, np.generic):
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError(f"{argument}: {given!r}; expected a number")
    if isinstance(given, int) and abs(given) > 2**53:
        raise ValueError(f"{argument}: a number of {given.bit_length()} bits; expected one that a float holds exactly")
    return given


def checked_seconds(argument: str, given: object, *, above_zero: bool = False) -> float:
    """Seconds that can be waited."""
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
    """Text that can be written as UTF-8; half a surrogate pair cannot."""
    if not isinstance(given, str):
        raise TypeError(f"{argument}: {type(given).__name__}; expected {expected}")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{argument}: {given!r} cannot be written as UTF-8; expected {expected}") from None
    return given


def checked_texts(argument: str, given: object, expected: str) -> tuple[str, ...]:
    """A list of text, as `checked_text` takes it."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        came = repr(given) if isinstance(given, str) else type(given).__name__
        raise TypeError(f"{argument}: {came}; expected {expected}")
    for text in given:
        if not isinstance(text, str):
            raise TypeError(f"{argument}: {text!r} is no text; expected {expected}")
        checked_text(argument, text, expected)
    return tuple(given)


def checked_picture(argument: str, given: object) -> npt.NDArray[np.uint8]:
    """A picture as `sparring.vision` has them."""
    accepted = "expected uint8 [height, width, 3], RGB"
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{argument}: {type(given).__name__}; {accepted}")
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or 0 in given.shape:
        raise ValueError(f"{argument}: {given.dtype} {list(given.shape)}; {accepted}")
    return given


def checked_file(argument: str, given: object, expected: str = "a path") -> Path:
    """The path of a file; FileNotFoundError where it is none."""
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"{argument}: {type(given).__name__}; expected {expected}")
    where = Path(given)
    if not where.is_file():
        raise FileNotFoundError(f"{argument}: {where} is no file")
    return where


def checked_folder(argument: str, given: object) -> Path:
    """The path of a folder, which may not be there yet; NotADirectoryError where something else is."""
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
    """The beginning of a file's name, without its folder."""
    name = checked_text(argument, given, "the beginning of a file's name")
    if not name or not name.isprintable() or set(name) & {"/", "\\"}:
        raise ValueError(f"{argument}: {name!r}; expected the beginning of a file's name, without a folder")
    return name
