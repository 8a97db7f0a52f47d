"""THE FRONT DOOR: SDK, command line, local stack.

`Client` is where Python starts; the other names here are what its users import. They are loaded when
they are first used: `sparring up` needs no pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sparring.shadowing import refuse_foreign_rooms

__version__ = "0.1.0"

refuse_foreign_rooms()

if TYPE_CHECKING:
    from sparring.client import Client
    from sparring.framework import Framework
    from sparring.model import ModelVersion
    from sparring.pipeline import Pipeline
    from sparring.workspace import Workspace
else:

    def __getattr__(name: str) -> object:
        if name in _PUBLIC:
            return getattr(import_module(_PUBLIC[name]), name)
        raise AttributeError(f"module 'sparring' has no attribute {name!r}")


_PUBLIC = {
    "Client": "sparring.client",
    "Framework": "sparring.framework",
    "ModelVersion": "sparring.model",
    "Pipeline": "sparring.pipeline",
    "Workspace": "sparring.workspace",
}

__all__ = ["Client", "Framework", "ModelVersion", "Pipeline", "Workspace"]
