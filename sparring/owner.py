"""Which process opened a client's connections: no other may use them.

A fork copies sockets and locks, and none of the threads that serve them: a call in the child would wait in vain, or
read what the parent is answered. Kafka's client is one of these threads; so is the one that follows the catalog.
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
        """Whether it is the process that asks."""
        return os.getpid() == self.pid

    def check(self) -> None:
        """OtherProcessError in any other process. Called before any lock is waited for: a fork may have copied it
        while it was held."""
        if not self.is_here:
            raise OtherProcessError(
                f"this client was made in process {self.pid} and is used in process {os.getpid()}: {_WHAT_TO_DO}"
            )


def refuse_pickling() -> NoReturn:
    """What `__reduce__` does of whatever holds connections."""
    raise TypeError(f"a client, and what it gives (pipelines, models, streams), cannot be pickled: {_WHAT_TO_DO}")
