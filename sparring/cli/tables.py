"""Tables for people, with control characters escaped; the status of a stack as tables."""

import re
import sys
from collections.abc import Iterable
from typing import Any, Final, Literal

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sparring.cli.out import escape_controls
from sparring.stack.status import StackStatus

_MIB: Final = 1024 * 1024
_PIPE_COLUMNS: Final = 300
"""Width of a table in a file or a pipe."""
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def mib(size_bytes: int | None) -> str:
    """Bytes in MiB; `-` for None."""
    return "-" if size_bytes is None else f"{size_bytes / _MIB:,.0f} MiB"


class _Table(Table):
    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Text becomes a cell on one line: markup is not interpreted, control characters are escaped."""
        super().add_row(*(Text(escape_controls(cell)) if isinstance(cell, str) else cell for cell in cells), **options)


def console(*, stderr: bool = False, highlight: bool = True, soft_wrap: bool = False) -> Console:
    """A console as wide as the terminal; in a file or a pipe, wide enough for any line.

    The caller escapes text of others with `escape_controls`, line by line; a `table` escapes its cells itself.
    """
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else _PIPE_COLUMNS
    return Console(stderr=stderr, width=width, highlight=highlight, soft_wrap=soft_wrap, emoji=False)


def table(*columns: str, show_header: bool = True) -> Table:
    """A table without borders. A column whose name ends in a space is right-aligned, for numbers."""
    plain = _Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0), show_header=show_header)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.endswith(" ") else "left"
        plain.add_column(Text(escape_controls(column.strip())), justify=justify, overflow="fold")
    return plain


def lines(texts: Iterable[str]) -> Text:
    """A cell of several lines."""
    return Text("\n").join(Text(escape_controls(text)) for text in texts)


def short(text: str) -> str:
    """The text with each uuid shortened to 8 characters, so that a line fits a terminal; `--json` has whole uuids."""
    return _UUID.sub(lambda found: found[0][:8], text)


def print_status(status: StackStatus) -> None:
    """Print the status: processes, topics, pipelines, models, problems."""
    out = console()
    if status.state != "ready":
        hint = "`sparring up` starts one" if status.state == "down" else "it is still starting"
        out.print(escape(escape_controls(f"no stack is ready in {status.data}: {hint}")), soft_wrap=True)
        return
    unreachable = "" if status.broker_up else "   [red]does not answer[/]"
    out.print(f"kafka   {escape(escape_controls(str(status.kafka)))}{unreachable}")
    out.print(escape(escape_controls(f"redis   {status.redis}")), soft_wrap=True)
    out.print(escape(escape_controls(f"data    {status.data}")) + "\n", soft_wrap=True)

    processes = table("process", "pid ", "state", "memory ")
    for process in status.processes:
        processes.add_row(process.name, str(process.pid), process.state, mib(process.memory_bytes))
    out.print(processes)

    if status.topics:
        out.print()
        topics = table("topic", "partitions ", "records ", "lag ")
        for topic in status.topics:
            lag = str(sum(topic.lag.values())) if topic.lag else ""
            topics.add_row(short(topic.name), str(topic.partitions), str(topic.records), lag)
        out.print(topics)

    pipelines = table("deployed pipeline", "version", "models")
    for pipeline in status.pipelines:
        pipelines.add_row(pipeline.name, short(pipeline.version), lines(map(short, pipeline.models)))
    out.print()
    out.print(pipelines if status.pipelines else "no pipeline is deployed")

    if status.models:
        out.print()
        models = table("warm model", "lane", "pid ", "memory ", "for")
        for model in status.models:
            warm = lines(map(short, model.warm))
            models.add_row(short(model.model), model.lane, str(model.pid), mib(model.memory_bytes), warm)
        out.print(models)
    for problem in status.problems:
        out.print(f"[yellow]{escape(escape_controls(problem))}[/]", soft_wrap=True)
