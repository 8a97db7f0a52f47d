"""Which process opened a client's connections: no other may use them.

A fork copies sockets and locks, but not the threads that use them (those of Kafka's client, and the one that follows
the catalog). A call in the child would wait for ever, or read the parent's replies.
"""

import os
from typing import Final, NoReturn

from schemas.errors import OtherProcessError

_WHAT_TO_DO: Final = "make a Client in each process; a pipeline is found again by its name"


class Owner:
    """The process that made this."""

    def __init__(self) -> None:
        self.pid: Final = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this is the current process."""
        return os.getpid() == self.pid

    def check(self) -> None:
        """OtherProcessError in any other process. Called before any lock is waited for: a fork may have copied it
        while it was held."""
        if not self.is_here:
            raise OtherProcessError(
                f"this client was made in process {self.pid} and is used in process {os.getpid()}: {_WHAT_TO_DO}"
            )


def refuse_pickling() -> NoReturn:
    """TypeError: the `__reduce__` of every object that holds connections."""
    raise TypeError(f"a client, and what it gives (pipelines, models, streams), cannot be pickled: {_WHAT_TO_DO}")
