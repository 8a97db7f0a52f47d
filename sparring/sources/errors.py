"""What is wrong with a file of which frames were sent."""

from schemas.errors import Refused


class Incomplete(Refused):
    """Frames of the file were given, and others of it cannot be read. The message says how many."""

    def __init__(self, message: str) -> None:
        super().__init__("NotAnImage", message, "read")
