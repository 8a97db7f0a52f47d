"""A request becomes a model's input arrays: columns of a table (`schemas.fitting`), or an encoded image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.images.decode import Uint8, decode_image, image_tensor, target_size
from schemas.errors import Refused
from schemas.frames import Frame, is_table
from schemas.models import PinnedModel
from schemas.pictures.inputs import beside_arrays, check_beside, picture_input
from schemas.tables.fitting import Arrays, fit_table, runs
from schemas.tables.read import read_table


@dataclass(frozen=True, slots=True)
class RequestInputs:
    """The arrays of one request, ready for the first step of its path."""

    runs: tuple[Arrays, ...]
    """One dict of arrays per run of the path."""
    rows: int
    """Input rows per run."""


def request_inputs(frame: Frame, pinned: PinnedModel, stacks: Callable[[int], bool] | None = None) -> RequestInputs:
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
        return RequestInputs(made, rows=rows if len(made) == 1 else 1)
    return RequestInputs((decoded_inputs(frame.value, pinned),), rows=1)


def decoded_inputs(value: bytes, pinned: PinnedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of one encoded image, for the first model of its path. Refused where the bytes are not an image, and,
    before they are decoded, where the model takes no pictures."""
    settings = pinned.configuration.image
    try:
        check_beside(pinned.inputs, settings)
    except Refused as refusal:
        message = f"an image came, but {refusal.message.replace('the model', f'model {pinned.model.name}', 1)}"
        raise Refused(refusal.error, message, refusal.stage) from None
    return picture_inputs(decode_image(value, settings), pinned)


def picture_inputs(picture: Uint8, pinned: PinnedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of one picture, uint8 [H, W, 3]. Refused where the model takes none."""
    settings = pinned.configuration.image
    spec = picture_input(pinned.inputs, settings).spec
    size = target_size(picture, settings, spec)
    beside = beside_arrays(pinned.inputs, settings, (picture.shape[1], picture.shape[0]), size)
    return {spec.name: image_tensor(picture, settings, spec)} | beside
