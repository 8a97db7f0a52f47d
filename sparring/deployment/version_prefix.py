"""A version by its uuid, or the beginning of it, as people type it. Pure."""

from collections.abc import Collection
from typing import Final

from schemas.errors import EntityNotFoundError

VERSION_CHARS_MIN: Final = 4
"""Characters of a uuid that name a version, if only one version begins with them."""


def resolve_version(versions: Collection[str], prefix: str) -> str | None:
    """The version that begins with `prefix`; None if none or several do, or `prefix` is too short."""
    matches = [version for version in versions if version.startswith(prefix)]
    return matches[0] if len(matches) == 1 and len(prefix) >= VERSION_CHARS_MIN else None


def checked_version(versions: Collection[str], pipeline: object, prefix: object) -> str:
    """As `resolve_version`, for an argument `version` of a call.

    Args:
        versions: uuids, oldest first.
        pipeline: its name, for the message.
        prefix: the argument.

    Raises:
        TypeError: the prefix is not text.
        ValueError: the prefix is too short, or several versions begin with it.
        EntityNotFoundError: no version begins with it.
    """
    if not isinstance(prefix, str):
        raise TypeError(f"version: {type(prefix).__name__}; expected a version's uuid, or its beginning")
    if len(prefix) < VERSION_CHARS_MIN:
        raise ValueError(f"version: {prefix!r}; expected at least {VERSION_CHARS_MIN} characters of its uuid")
    version = resolve_version(versions, prefix)
    if version is not None:
        return version
    if matches := [version for version in versions if version.startswith(prefix)]:
        raise ValueError(f"version: {prefix!r} begins {', '.join(matches)}; expected more of the one that is meant")
    there = ", ".join(reversed(list(versions)))
    raise EntityNotFoundError(f"version: pipeline {pipeline} has no version {prefix!r}; there are: {there}")
