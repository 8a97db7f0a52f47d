"""What goes wrong with a local stack, in words that say what to do."""

from schemas.errors import SparringError


class StackError(SparringError):
    """The stack cannot start, or not in this folder. It says what to do, or shows a log's end."""
