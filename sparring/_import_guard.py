"""Says by name when a file of the user hides one of our packages.

The rooms are top-level packages (schemas, router, ...), so a `schemas.py` beside a notebook comes
first on Python's path. Without this the user would see an ImportError deep inside ours.
"""

import importlib.util
from pathlib import Path
from typing import Final

_ROOMS: Final = ("schemas", "adapters", "router", "workers")


def refuse_foreign_rooms() -> None:
    """Called when `sparring` is imported, before anything of ours.

    Raises:
        ImportError: naming the file that hides one of our packages, and what to do.
    """
    ours = Path(__file__).resolve().parent.parent
    for room in _ROOMS:
        found = importlib.util.find_spec(room)
        if found is None or found.origin is None:
            continue
        origin = Path(found.origin).resolve()
        if origin.parent != ours / room:
            raise ImportError(
                f"sparring needs its own package {room!r}, but Python finds {origin} first. "
                f"Rename that file or folder (to my_{room}, say), or start Python elsewhere.",
                name=room,
                path=str(origin),
            )
