"""The docstring of a package is its table of contents: it names every module."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

import pytest

TOPICS_AND_FILES = {"schemas.py"}
"""Dotted texts that are no modules."""
INDEXED = (
    "schemas",
    "adapters",
    "adapters.kafka",
    "workers.inference",
    "router",
    "workers.host",
    "workers.indexer",
    "sparring",
    "sparring.kafka",
    "sparring.system",
    "sparring.frames",
    "sparring.requests",
    "sparring.producer",
    "sparring.results",
    "sparring.deployment",
    "sparring.pipeline_file",
    "sparring.operations",
    "sparring.ledger",
    "sparring.replay",
    "sparring.comparison.report",
    "sparring.stack",
    "sparring.pages",
    "sparring.vision",
    "sparring.sources",
    "sparring.comparison",
    "sparring.dataset",
    "sparring.deployment",
    "sparring.pipeline_file",
)


@pytest.mark.parametrize("package", INDEXED)
def test_a_package_names_each_of_its_modules(package: str) -> None:
    module = import_module(package)
    there = {path.stem for path in Path(str(module.__file__)).parent.glob("[a-z]*.py")}

    assert there - set(re.findall(r"\w+", module.__doc__ or "")) == set()


def test_a_module_that_a_text_names_is_there() -> None:
    """In backquotes, dotted, in any docstring or comment; the last part may be a name in the module."""
    root = Path(__file__).parents[2]
    rooms = ("schemas", "router", "workers", "adapters", "sparring")
    missing = []
    for file in (file for room in rooms for file in root.joinpath(room).rglob("*.py")):
        for named in re.findall(rf"`((?:{'|'.join(rooms)})(?:\.\w+)+)", file.read_text()):
            try:
                resolve_name(named)
            except (ImportError, AttributeError):
                if named not in TOPICS_AND_FILES:
                    missing.append(f"{file.relative_to(root)}: {named}")

    assert missing == []
