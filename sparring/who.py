"""Who does something, for people who read it later: there are no accounts."""

import getpass
import socket


def who() -> str:
    """The operating system's user and machine: `ana@lab-3`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"
    return f"{user}@{socket.gethostname()}"
