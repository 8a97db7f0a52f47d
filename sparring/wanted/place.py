"""A value of the file with the place where it stands: `steps[1].random_split.weights[0].weight`. Pure."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.errors import SparringError

_SHOWN_CHARS_MAX: Final = 80


class WrongFile(SparringError, ValueError):
    """The file wants what cannot be. The message begins with the place in it."""


@dataclass(frozen=True, slots=True)
class Place:
    """path: from the top of the file; the top's own is empty."""

    path: str
    value: object

    def wrong(self, expected: str) -> WrongFile:
        """The error that says what stands here, and what was expected."""
        return WrongFile(f"{self.path or 'the file'}: {shown(self.value)}; expected {expected}")

    def refused(self, why: object) -> WrongFile:
        """The error of somebody else, who knows no place: a reason that names its own argument."""
        return WrongFile(f"{self.path or 'the file'}: {' '.join(str(why).split())}")

    def text(self, what: str = "text") -> str:
        """Text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong(what)
        return self.value

    def number(self, expected: str, least: float, most: float = math.inf) -> int | float:
        """A finite number from `least` to `most`; whole numbers stay whole. expected: those bounds in words."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong("a number")
        # Compared first: a whole number may be too large to ask whether it is finite.
        if not (least <= value <= most and value <= sys.float_info.max):
            raise self.wrong(expected)
        return value

    def flag(self) -> bool:
        """`true` or `false`."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def items(self, what: str) -> list["Place"]:
        """The places of a list."""
        if not isinstance(self.value, list):
            raise self.wrong(f"a list of {what}")
        return [Place(f"{self.path}[{index}]", value) for index, value in enumerate(self.value)]

    def fields(self, what: str) -> dict[str, "Place"]:
        """The places of a mapping whose keys are names."""
        if not isinstance(self.value, dict):
            raise self.wrong(what)
        for key in self.value:
            if not isinstance(key, str):
                raise WrongFile(f"{self.path or 'the file'}: the key {shown(key)}; expected text, quoted where needed")
        dot = f"{self.path}." if self.path else ""
        return {key: Place(f"{dot}{key}", value) for key, value in self.value.items()}

    def known(self, keys: Sequence[str], required: Sequence[str] = ()) -> dict[str, "Place"]:
        """The places of a mapping that has no other keys than these. One without a value is as if it were not there."""
        found = self.fields(f"a mapping with {_listed(keys)}")
        where = self.path or "the file"
        for key in found:
            if key not in keys:
                raise WrongFile(f"{where}: unknown key {shown(key)}; expected {_listed(keys)}")
        given = {key: place for key, place in found.items() if place.value is not None}
        for key in required:
            if key not in given:
                raise WrongFile(f"{where}: no {key}; expected {_listed(keys)}")
        return given


def shown(value: object) -> str:
    """A value as it might be typed, cut where it is long. What holds others is not opened: it may be without end."""
    if isinstance(value, dict):
        return f"a mapping of {len(value)}"
    if isinstance(value, list | set | tuple):
        return f"a list of {len(value)}"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[:_SHOWN_CHARS_MAX]}..."


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys)
