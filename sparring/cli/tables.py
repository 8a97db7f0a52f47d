"""A stack's status as tables for a person."""

import re
import sys
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sparring.stack.status import Status

_MIB: Final = 1024 * 1024
_PIPE_COLUMNS: Final = 300
"""Of a table that no terminal cuts."""
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def mib(size_bytes: int | None) -> str:
    """Bytes as a person reads them; `-` for None."""
    return "-" if size_bytes is None else f"{size_bytes / _MIB:,.0f} MiB"


def console() -> Console:
    """As wide as the terminal; wide enough for anything in a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS)


def table(*columns: str) -> Table:
    """A plain table; columns whose name ends in a space are numbers, set right."""
    plain = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        plain.add_column(column.strip(), justify="right" if column.endswith(" ") else "left", overflow="fold")
    return plain


def short(text: str) -> str:
    """Each uuid in it as its first 8 characters, so that a line fits a terminal; `--json` has them whole."""
    return _UUID.sub(lambda found: found[0][:8], text)


def print_status(status: Status) -> None:
    """Everything, in the order in which one asks."""
    out = Console()
    if status.state != "ready":
        hint = "`sparring up` starts one" if status.state == "down" else "it is still starting"
        out.print(f"no stack is ready in {status.data}: {hint}", soft_wrap=True)
        return
    out.print(f"kafka   {status.kafka}{'' if status.broker_up else '   [red]does not answer[/]'}")
    out.print(f"redis   {status.redis}\ndata    {status.data}\n", soft_wrap=True)

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
        pipelines.add_row(pipeline.name, short(pipeline.version), short("\n".join(pipeline.models)))
    out.print()
    out.print(pipelines if status.pipelines else "no pipeline is deployed")

    if status.models:
        out.print()
        models = table("warm model", "lane", "pid ", "memory ", "for")
        for model in status.models:
            warm = short("\n".join(model.warm))
            models.add_row(short(model.model), model.lane, str(model.pid), mib(model.memory_bytes), warm)
        out.print(models)
    for problem in status.problems:
        out.print(f"[yellow]{escape(problem)}[/]", soft_wrap=True)
