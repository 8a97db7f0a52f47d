"""Refuses to import `sparring` if a file of the user shadows one of its top-level packages.

These packages have common names (schemas, router, ...). A `schemas.py` beside a notebook comes first on Python's path:
without this check the user gets an ImportError from deep inside `sparring`.
"""

import importlib.util
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("schemas", "adapters", "router", "workers")


def refuse_shadowed_packages() -> None:
    """Called when `sparring` is imported, before any other of its imports.

    Raises:
        ImportError: a file shadows a package; the message names it and what to do.
    """
    ours = Path(__file__).resolve().parent.parent
    for package in _PACKAGES:
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            continue
        origin = Path(found.origin).resolve()
        if origin.parent != ours / package:
            raise ImportError(
                f"sparring needs its own package {package!r}, but Python finds {origin} first. "
                f"Rename that file or folder (to my_{package}, say), or start Python elsewhere.",
                name=package,
                path=str(origin),
            )
