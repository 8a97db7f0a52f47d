"""How far reading topics is: one line on stderr that changes; none where stderr is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.status import Status
from rich.text import Text

from sparring.cli.out import shown
from sparring.cli.tables import console


@contextmanager
def reading() -> Iterator[Callable[[str, int], None]]:
    """Yields what is told of each topic and how many of its records are read."""
    out = console(stderr=True)
    with Status("reading", console=out) as status:

        def told(topic: str, count: int) -> None:
            if count % 100 == 0:
                status.update(Text(shown(f"{topic}: {count:,} records")))

        yield told if out.is_terminal else _nobody_looks


def _nobody_looks(_topic: str, _count: int) -> None:
    pass
