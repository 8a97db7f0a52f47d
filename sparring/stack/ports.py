"""Free ports on this machine's own address."""

import itertools
import random
import socket
from typing import Final

from sparring.stack.errors import StackError

HOST: Final = "127.0.0.1"

_CANDIDATES: Final = range(20_000, 32_000)
"""Below what systems give to outgoing connections. Up there a client that retries a dead server's port
can be given that very port, connect to itself, and keep the server from coming back."""

_TRIES_MAX: Final = 200


def free_ports(count: int) -> list[int]:
    """Free ports, all different, at random: stacks that start together seldom collide.

    Between here and their use somebody else may take one: the server then fails with its log's end.
    """
    tried = random.SystemRandom().sample(_CANDIDATES, _TRIES_MAX)
    found = list(itertools.islice(filter(is_free, tried), count))
    if len(found) < count:
        raise StackError(f"no {count} free ports among {_TRIES_MAX} in {_CANDIDATES}; name them instead")
    return found


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        # Servers set this too: without it a port counts as taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether a server answers on this port now."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
