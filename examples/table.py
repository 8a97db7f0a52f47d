"""What a person sees of a running experiment: a progress bar and a table, or plain lines where nobody sits."""

from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from examples.experiment import Experiment
from examples.score import Score

_LINES_PER_EXPERIMENT: Final = 5


def score_table(rows: Iterable[tuple[Score, float]], title: str) -> Table:
    """One row per model: its share of the answers on its topic, and its scores. 80 columns wide.

    p50, p99: milliseconds from frame sent to answer published; conf.: mean confidence.
    """
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, padding=(0, 1, 0, 0)
    )
    for name in ("model", "role"):
        table.add_column(name)
    for name in ("share", "answers", "p50 ms", "p99 ms", "conf.", "labels found", "recall"):
        table.add_column(name, justify="right")
    for score, share in rows:
        table.add_row(
            score.model,
            score.role,
            f"{share:.0%}",
            str(score.answers),
            f"{score.latency_ms(50):.0f}",
            f"{score.latency_ms(99):.0f}",
            f"{score.mean_confidence:.3f}",
            f"{score.labels_found} of {score.labels_true}",
            f"{score.recall:.0%}",
        )
    return table


class LiveTable:
    """Shows one experiment while it runs; use it in a `with` statement and give `show` to the experiment."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._lines = 0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, experiment: Experiment) -> None:
        """The state now. Plain: a line for each fifth of the answers."""
        wanted = experiment.frames * experiment.parts
        if self._live is None:
            if experiment.answered * _LINES_PER_EXPERIMENT >= (self._lines + 1) * wanted:
                self._lines = experiment.answered * _LINES_PER_EXPERIMENT // wanted
                self._console.print(f"  {_line(experiment)}", highlight=False, soft_wrap=True)
            return
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=wanted, completed=experiment.answered, width=40),
            Text(f"{len(experiment.sent_at_ms)} frames sent, {experiment.answered} of {wanted} answers"),
        )
        table = score_table(experiment.shares(), experiment.title)
        self._live.update(Group(Text(), table, bar), refresh=True)


def _line(experiment: Experiment) -> str:
    models = "; ".join(
        f"{score.model} {score.answers} answers, p50 {score.latency_ms(50):.0f} ms, "
        f"labels {score.labels_found} of {score.labels_true}"
        for score, _ in experiment.shares()
    )
    return f"{experiment.answered} of {experiment.frames * experiment.parts}: {models}"
