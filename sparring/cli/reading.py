"""How far reading topics is: one line on stderr that changes; none where stderr is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


@contextmanager
def reading() -> Iterator[Callable[[str, int], None]]:
    """Yields what is told of each topic and how many of its records are read."""
    console = Console(stderr=True)
    with Status("reading", console=console) as status:

        def told(topic: str, count: int) -> None:
            if count % 100 == 0:
                status.update(f"{topic}: {count:,} records")

        yield told if console.is_terminal else _nobody_looks


def _nobody_looks(_topic: str, _count: int) -> None:
    pass
