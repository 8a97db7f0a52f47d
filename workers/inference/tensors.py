"""A request becomes a model's input arrays: columns of a table (`schemas.fitting`), or an encoded image.

`Inputs` are the arrays of one request, ready for the first step.
"""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.images import decode_image, image_tensor
from schemas.casting import Array, cast
from schemas.errors import Refused
from schemas.fitting import Arrays, fit_table, runs
from schemas.frames import Frame, is_table
from schemas.models import PinnedModel, TensorSpec
from schemas.tables import read_table


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
    spec = _image_input(pinned)
    settings = pinned.configuration.image
    tensor = image_tensor(decode_image(frame.value, settings), settings, spec)
    return Inputs(({spec.name: _fit(tensor, spec)},), rows=1)


def _fit(tensor: Array, spec: TensorSpec) -> Array:
    """A picture's tensor in the input's dtype. Refused where a dimension is not the declared one."""
    shape = spec.shape
    if shape is not None and not (
        len(shape) == tensor.ndim and all(size in (None, came) for size, came in zip(shape, tensor.shape, strict=True))
    ):
        came = f"input {spec.name!r}: a picture of {list(tensor.shape)} came; expected {spec.shown_shape}"
        raise Refused("WrongShape", came, "decode")
    try:
        return cast(tensor, spec.dtype, f"input {spec.name!r}")
    except ValueError as error:
        raise Refused("WrongDtype", str(error), "decode") from error


def _image_input(pinned: PinnedModel) -> TensorSpec:
    """The input that takes a picture: the only one, or the only one with four dimensions."""
    specs = pinned.inputs
    if len(specs) == 1 and (specs[0].shape is None or len(specs[0].shape) == 4):
        return specs[0]
    takes = ", ".join(f"{spec.name} {list(spec.shape or ())}" for spec in specs)
    raise Refused(
        "MissingField",
        f"an image came, but model {pinned.model.name} takes {takes}; expected a model with one input "
        "of four dimensions, or a table with its columns",
        "decode",
    )
