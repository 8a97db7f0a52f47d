"""A request becomes a model's input arrays: columns of a table (`schemas.tables.fitting`), or an encoded image.

`answering` calls it for each request, `steps` for its warm-up picture.
"""

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
    """The arrays of one request for the first model of its path.

    Args:
        frame: an image, or a table with one row per input.
        pinned: the first model.
        stacks: whether this number of rows may share a run of the whole path; otherwise each row has its own run.
            None: the first model alone decides.

    Raises:
        Refused: the request does not fit the model's inputs.
    """
    content_type = frame.content_type
    if is_table(content_type):
        table = read_table(content_type, frame.value)
        rows = table.num_rows
        columns = fit_table(table, pinned)
        arrays = runs(columns, pinned, together=rows > 1 and (stacks or pinned.stacks)(rows))
        return RequestInputs(arrays, rows=rows if len(arrays) == 1 else 1)
    return RequestInputs((image_inputs(frame.value, pinned),), rows=1)


def image_inputs(value: bytes, pinned: PinnedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of one encoded image.

    Raises:
        Refused: the bytes are not an image; or, checked before they are decoded, the model takes no pictures.
    """
    settings = pinned.configuration.image
    try:
        check_beside(pinned.inputs, settings)
    except Refused as refusal:
        message = (
            f"the request is an image, but {refusal.message.replace('the model', f'model {pinned.model.name}', 1)}"
        )
        raise Refused(refusal.error, message, refusal.stage) from None
    return picture_inputs(decode_image(value, settings), pinned)


def picture_inputs(picture: Uint8, pinned: PinnedModel) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of one decoded picture, uint8 [H, W, 3]: the picture's tensor, and the values of the other inputs.

    Raises:
        Refused: the model takes no pictures.
    """
    settings = pinned.configuration.image
    spec = picture_input(pinned.inputs, settings).spec
    size = target_size(picture, settings, spec)
    beside = beside_arrays(pinned.inputs, settings, (picture.shape[1], picture.shape[0]), size)
    return {spec.name: image_tensor(picture, settings, spec)} | beside
