"""A version by its uuid or the beginning of it, as people type it. Pure."""

from collections.abc import Iterable
from typing import Final

VERSION_CHARS_MIN: Final = 4
"""As many as `Pipeline.rollback` asks for."""


def meant(versions: Iterable[str], beginning: str) -> str | None:
    """The one version that begins so; None where there is none, or several, or too little of it was typed."""
    found = [version for version in versions if version.startswith(beginning)]
    return found[0] if len(found) == 1 and len(beginning) >= VERSION_CHARS_MIN else None
