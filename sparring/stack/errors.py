"""What goes wrong with a local stack, in words that say what to do."""

from schemas.errors import SparringError


class StackError(SparringError):
    """The stack cannot start, or not in this folder. The message states what to do, or shows the end of a log."""
