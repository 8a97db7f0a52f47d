"""YAML text as plain values. A key that stands twice is refused: YAML itself would silently take the last."""

from collections.abc import Iterator
from typing import Final

import yaml

from sparring.wanted.place import WrongFile, shown

_QUOTED: Final = "a text that begins with a quote ends with it: put all of it into single quotes"
_HINTS: Final = {
    "mapping values are not allowed": "a text with a colon and a space in it stands in quotes",
    "expected <block end>": _QUOTED,
    "expected a comment or a line break": _QUOTED,
    "'\\t'": "YAML is indented by spaces, not by tabs",
}
"""What most likely is wrong, by a part of what the parser says."""


def read_yaml(content: bytes) -> object:
    """Text, numbers, booleans, null, lists, mappings. No other tags: reading runs no code.

    Raises:
        WrongFile: it is no YAML, or a key stands twice in one mapping: line and column, from 1.
    """
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
        for key in _second_keys(root):
            raise WrongFile(f"{_at(key.start_mark)}: the key {shown(key.value)} stands twice; expected each once")
        value: object = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{_at(mark)}: " if mark is not None else ""
        said = error.problem or error.context or ""
        hint = next((f": {hint}" for part, hint in _HINTS.items() if part in said), "")
        raise WrongFile(f"{where}{said}{hint}; expected YAML") from error
    except yaml.reader.ReaderError as error:
        raise WrongFile(f"position {error.position}: {error.reason}; expected YAML in UTF-8") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, WrongFile):
            raise
        said = "nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise WrongFile(f"{said}; expected YAML") from error
    return value


def _second_keys(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The keys that stand in their mapping for the second time. An alias leads to a node that was seen."""
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
