"""YAML text as plain values, and a `Node`: a value with its path in the file. Pure.

A path reads `steps[1].random_split.weights[0].weight`. A key that occurs twice in one mapping is refused: YAML itself
silently takes the last.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from schemas.errors import SparringError

_SHOWN_CHARS_MAX: Final = 80


class InvalidPipelineFile(SparringError, ValueError):
    """The file states what cannot be. The message begins with the path in the file, or with line and column."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file. Its methods return the value in one type, or raise a WrongFile that names the path."""

    path: str
    """From the top of the file; empty for the file itself."""
    value: object

    def wrong(self, expected: str) -> InvalidPipelineFile:
        """The error that names the value and what was expected."""
        return InvalidPipelineFile(f"{self.path or 'the file'}: {as_typed(self.value)}; expected {expected}")

    def refused(self, why: object) -> InvalidPipelineFile:
        """The error with the reason of another check, which names its own argument."""
        return InvalidPipelineFile(f"{self.path or 'the file'}: {' '.join(str(why).split())}")

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
        # Not math.isfinite: it fails on whole numbers that no float can hold.
        if not (least <= value <= most and value <= sys.float_info.max):
            raise self.wrong(expected)
        return value

    def flag(self) -> bool:
        """`true` or `false`."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def items(self, what: str) -> list["Node"]:
        """The nodes of a list."""
        if not isinstance(self.value, list):
            raise self.wrong(f"a list of {what}")
        return [Node(f"{self.path}[{index}]", value) for index, value in enumerate(self.value)]

    def fields(self, what: str) -> dict[str, "Node"]:
        """The nodes of a mapping whose keys are text, by key."""
        if not isinstance(self.value, dict):
            raise self.wrong(what)
        for key in self.value:
            if not isinstance(key, str):
                raise InvalidPipelineFile(
                    f"{self.path or 'the file'}: the key {as_typed(key)}; expected text, quoted where needed"
                )
        dot = f"{self.path}." if self.path else ""
        return {key: Node(f"{dot}{key}", value) for key, value in self.value.items()}

    def known(self, keys: Sequence[str], required: Sequence[str] = ()) -> dict[str, "Node"]:
        """The nodes of a mapping that has no other keys than these, by key. A key without a value counts as absent."""
        found = self.fields(f"a mapping with {_listed(keys)}")
        where = self.path or "the file"
        for key in found:
            if key not in keys:
                raise InvalidPipelineFile(f"{where}: unknown key {as_typed(key)}; expected {_listed(keys)}")
        present = {key: node for key, node in found.items() if node.value is not None}
        for key in required:
            if key not in present:
                raise InvalidPipelineFile(f"{where}: no {key}; expected {_listed(keys)}")
        return present


def as_typed(value: object) -> str:
    """The value as a person types it, shortened; a list or mapping as its length: YAML aliases can nest endlessly."""
    if isinstance(value, dict):
        return f"a mapping of {len(value)}"
    if isinstance(value, list | set | tuple):
        return f"a list of {len(value)}"
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[:_SHOWN_CHARS_MAX]}..."


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys)


_QUOTED: Final = "a text that begins with a quote ends with it: put all of it into single quotes"
_HINTS: Final = {
    "mapping values are not allowed": "a text with a colon and a space in it stands in quotes",
    "expected <block end>": _QUOTED,
    "expected a comment or a line break": _QUOTED,
    "'\\t'": "YAML is indented by spaces, not by tabs",
}
"""The likely mistake, by a part of the parser's message."""


def read_yaml(content: bytes) -> object:
    """The file's value: text, numbers, booleans, null, lists, mappings. Other tags are refused: reading runs no code.

    Raises:
        WrongFile: the text is not YAML, or a key occurs twice in one mapping; with line and column, from 1.
    """
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
        for key in _second_keys(root):
            raise InvalidPipelineFile(
                f"{_at(key.start_mark)}: the key {as_typed(key.value)} stands twice; expected each once"
            )
        value: object = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{_at(mark)}: " if mark is not None else ""
        reason = error.problem or error.context or ""
        hint = next((f": {hint}" for part, hint in _HINTS.items() if part in reason), "")
        raise InvalidPipelineFile(f"{where}{reason}{hint}; expected YAML") from error
    except yaml.reader.ReaderError as error:
        raise InvalidPipelineFile(f"position {error.position}: {error.reason}; expected YAML in UTF-8") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidPipelineFile):
            raise
        reason = "nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InvalidPipelineFile(f"{reason}; expected YAML") from error
    return value


def _second_keys(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The keys that occur for the second time in their mapping. An alias leads to a node that was visited already."""
    seen: set[int] = set()
    left = [] if root is None else [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            names = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if (key.tag, key.value) in names:
                        yield key
                    names.add((key.tag, key.value))
                left += [key, value]


def _at(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"
