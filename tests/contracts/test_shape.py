"""The shape of the house: import chains that a reader can follow, rooms that fit a screen."""

from collections import Counter
from typing import Final

import pytest

from tests.contracts.imports import PACKAGES, ROOT, imports, longest_chain, modules

CHAIN_MAX: Final = 14
"""Modules in the longest import chain of one package."""
LONGER_CHAINS: Final = {"sparring": 16}
"""Present exceptions, to be shortened."""
ROOM_MAX: Final = 20
"""Modules in one folder, without its `__init__.py`."""

LARGER_ROOMS: Final = {"adapters": 26, "schemas": 23}
"""Present exceptions. Both are floors under all services: flat tables and wire formats, each read alone."""


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_chain_of_a_package_is_longer_than_a_reader_follows(package: str) -> None:
    own = {name: path for name, path in modules().items() if name.split(".")[0] == package}
    chain = longest_chain(imports(own))
    assert len(chain) <= LONGER_CHAINS.get(package, CHAIN_MAX), " -> ".join(chain)


def test_no_module_imports_itself_through_others() -> None:
    assert longest_chain(imports(modules()))


def test_a_circle_is_refused_with_its_modules() -> None:
    with pytest.raises(ValueError, match=r"^circular import: a -> b -> a$"):
        longest_chain({"a": {"b"}, "b": {"a"}})


def test_no_room_has_more_modules_than_a_reader_keeps_apart() -> None:
    rooms = Counter(str(path.parent.relative_to(ROOT)) for path in modules().values() if path.name != "__init__.py")
    assert {room: count for room, count in rooms.items() if count > ROOM_MAX} == LARGER_ROOMS
