"""THE FRONT DOOR: SDK, command line, local stack."""

from sparring.shadowing import refuse_foreign_rooms

__version__ = "0.1.0"

refuse_foreign_rooms()
