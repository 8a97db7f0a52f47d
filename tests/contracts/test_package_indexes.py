"""The docstring of a package is its table of contents: it names every module."""

import re
from importlib import import_module
from pathlib import Path

import pytest

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
