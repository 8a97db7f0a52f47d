"""One of equal values: a million frames name a few models, versions and decisions, and each is kept once."""

from typing import Any, TypeVar

T = TypeVar("T")


class Shared:
    """What was seen so far. For values of which there are few; those that are equal must mean the same."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}

    def one(self, value: T) -> T:
        """The first that was equal to this one."""
        found: T = self._seen.setdefault(value, value)
        return found

    def of(self, key: object, value: T) -> T:
        """The first that came with an equal key."""
        found: T = self._seen.setdefault(key, value)
        return found
