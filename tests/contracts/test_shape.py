"""The shape of the code: short import chains, small rooms, one module per public class name."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "router", "workers", "adapters", "sparring")
CHAIN_MAX = 14
ROOM_MAX = 20
"""Modules, `__init__` and packages not counted."""
LINES_MAX = 350
LONGER = {
    "sparring.client": "one class: the tutorial's calls on a client",
    "sparring.pipeline": "one class: the tutorial's 43 calls on a pipeline",
    "sparring.kafka.broker": "one class: everything that the SDK does through kafka-python",
    "sparring.frames.inputs": "one subject: what users pass as a request",
}
SHARED_NAMES = {
    "ModelVersion": "the SDK's is a handle of the record that travels",
    "Pipeline": "the SDK's is a handle of the record that travels",
}


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
        if "__pycache__" not in file.parts
    }


def imports(source: ast.Module, known: dict[str, Path]) -> set[str]:
    """The modules that a module imports while it is imported itself: not in functions, not for type checkers alone."""
    skipped: set[int] = set()
    for node in ast.walk(source):
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if later or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            skipped |= {id(inner) for inner in ast.walk(node)}
    found = set()
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in skipped:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in known else node.module)
    return found & known.keys()


def test_the_longest_import_chain_is_short_and_there_is_no_circle() -> None:
    known = modules()
    graph = {name: imports(ast.parse(file.read_text()), known) - {name} for name, file in known.items()}
    open_names: set[str] = set()

    @cache
    def chain(name: str) -> tuple[str, ...]:
        assert name not in open_names, f"{name} imports itself, through {sorted(open_names)}"
        open_names.add(name)
        longest = max((chain(other) for other in sorted(graph[name])), key=len, default=())
        open_names.discard(name)
        return (name, *longest)

    longest = max((chain(name) for name in known), key=len)

    assert len(longest) <= CHAIN_MAX, " > ".join(longest)


def test_no_room_has_more_modules_than_a_reader_takes_in() -> None:
    sizes: defaultdict[str, int] = defaultdict(int)
    for name, file in modules().items():
        sizes[name.rpartition(".")[0]] += file.name != "__init__.py"

    assert {room: size for room, size in sizes.items() if size > ROOM_MAX} == {}


def test_a_long_module_has_its_reason_here() -> None:
    long = {name for name, file in modules().items() if len(file.read_text().splitlines()) > LINES_MAX}

    assert long == LONGER.keys()


def test_a_public_class_name_means_one_class() -> None:
    where: defaultdict[str, list[str]] = defaultdict(list)
    for name, file in modules().items():
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(name)
    shared = {name: places for name, places in where.items() if len(places) > 1}

    assert {name: places for name, places in shared.items() if name not in SHARED_NAMES} == {}
    assert shared.keys() == SHARED_NAMES.keys(), "an exception that is no longer needed"
