"""A version by its uuid or the beginning of it, as people type it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.errors import EntityNotFoundError
from schemas.pipelines import PipelineVersion

VERSION_CHARS_MIN: Final = 4


def resolve_version(versions: Mapping[str, PipelineVersion], pipeline: object, beginning: object) -> PipelineVersion:
    """The version whose uuid begins so.

    Raises:
        TypeError: the beginning is no text.
        ValueError: it is too short, or several versions begin so.
        EntityNotFoundError: none does.
    """
    if not isinstance(beginning, str):
        raise TypeError(f"version: {type(beginning).__name__}; expected a version's uuid, or its beginning")
    if len(beginning) < VERSION_CHARS_MIN:
        raise ValueError(f"version: {beginning!r}; expected at least {VERSION_CHARS_MIN} characters of its uuid")
    found = [name for name in versions if name.startswith(beginning)]
    if not found:
        there = ", ".join(reversed(list(versions)))
        raise EntityNotFoundError(f"version: pipeline {pipeline} has no version {beginning!r}; there are: {there}")
    if len(found) > 1:
        raise ValueError(f"version: {beginning!r} begins {', '.join(found)}; expected more of the one that is meant")
    return versions[found[0]]


"""As many as `Pipeline.rollback` asks for."""


def resolve_key(versions: Iterable[str], beginning: str) -> str | None:
    """The one version that begins so; None where there is none, or several, or too little of it was typed."""
    found = [version for version in versions if version.startswith(beginning)]
    return found[0] if len(found) == 1 and len(beginning) >= VERSION_CHARS_MIN else None
