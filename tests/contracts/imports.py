"""The modules of this repository and what each imports at its top level: without TYPE_CHECKING and lazy imports."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("schemas", "adapters", "router", "workers", "sparring")


def modules() -> dict[str, Path]:
    """Every module of the five packages, by its dotted name. A package is the module `__init__.py`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(paths: Mapping[str, Path]) -> dict[str, set[str]]:
    """For each module, the modules among `paths` that it imports when it is loaded."""
    return {name: set(_imported(path, paths)) for name, path in paths.items()}


def longest_chain(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The modules of the longest import chain, importers first; ValueError if modules import each other in a circle."""
    chains: dict[str, list[str]] = {}

    def chain(name: str, importers: tuple[str, ...]) -> list[str]:
        if name in importers:
            raise ValueError(f"circular import: {' -> '.join((*importers[importers.index(name) :], name))}")
        if name not in chains:
            deeper = (chain(imported, (*importers, name)) for imported in sorted(graph[name]))
            chains[name] = [name, *max(deeper, key=len, default=[])]
        return chains[name]

    return max((chain(name, ()) for name in sorted(graph)), key=len)


def _imported(path: Path, paths: Mapping[str, Path]) -> Iterator[str]:
    for node in _statements(ast.parse(path.read_text()).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in paths)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                if submodule in paths:
                    yield submodule
                elif node.module in paths:
                    yield node.module


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is loaded, but for bodies of functions and classes."""
    for statement in body:
        if isinstance(statement, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(statement.test):
                yield from _statements(statement.body)
            yield from _statements(statement.orelse)
        elif isinstance(statement, ast.Try):
            yield from _statements([*statement.body, *statement.orelse, *statement.finalbody])
        else:
            yield statement
