"""A request becomes a model's input arrays: columns of a table (`schemas.fitting`), or an encoded image.

`Inputs` are the arrays of one request, ready for the first step.
"""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.fitting import Arrays, fit_table, runs
from schemas.frames import Frame, is_table
from schemas.models import PinnedModel
from schemas.tables import read_table
from workers.inference.picture_inputs import decoded_inputs


@dataclass(frozen=True, slots=True)
class Inputs:
    """runs: one dict of arrays per run of the path. rows: input rows per run."""

    runs: tuple[Arrays, ...]
    rows: int


def request_inputs(frame: Frame, pinned: PinnedModel, stacks: Callable[[int], bool] | None = None) -> Inputs:
    """The arrays of one request for the first model of its path. Refused where they do not fit.

    Args:
        frame: an image, or a table with a row per input.
        pinned: the model that takes it.
        stacks: whether so many rows may be one run of the whole path; else each row has a run of its own. None: as
            far as this model is concerned.
    """
    content_type = frame.content_type
    if is_table(content_type):
        table = read_table(content_type, frame.value)
        rows = table.num_rows
        columns = fit_table(table, pinned)
        made = runs(columns, pinned, together=rows > 1 and (stacks or pinned.stacks)(rows))
        return Inputs(made, rows=rows if len(made) == 1 else 1)
    return Inputs((decoded_inputs(frame.value, pinned),), rows=1)
