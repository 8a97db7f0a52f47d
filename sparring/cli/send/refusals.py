"""What `sparring send` could not send: each named once on stderr, and counted for the exit code."""

from pathlib import Path

from schemas.errors import FrameTooLarge, Refused
from sparring.cli.out import complain
from sparring.sources import Incomplete, check_file

REFUSALS = (FrameTooLarge, Refused, OSError)
"""What is wrong with one file and not with the next. A lost broker is an OSError too: it is caught before."""


class Refusals:
    """The files and frames that were refused. bytes_max: of a frame."""

    def __init__(self, bytes_max: int) -> None:
        self.count = 0
        self.bytes_max = bytes_max
        self._incomplete: set[str] = set()

    def passes(self, path: Path) -> bool:
        """Whether the file's size and first bytes are a frame's."""
        try:
            check_file(path, self.bytes_max)
        except REFUSALS as error:
            self.note(str(path), error)
            return False
        return True

    def note(self, name: str, error: Exception) -> None:
        """Name it; of a file that is sent again and again, once. The kind of error stands as in docs/contract.md."""
        if isinstance(error, Incomplete):
            if name not in self._incomplete:
                self._incomplete.add(name)
                complain(f"{name}: not sent whole: {error}")
                self.count += 1
            return
        kind = error.error if isinstance(error, Refused) else type(error).__name__
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        complain(f"{name}: not sent: {kind}: {reason}")
        self.count += 1
