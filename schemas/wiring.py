"""Which value feeds which input, and whether it can. Pure: `deploy()` refuses with it, model processes wire with it."""

from collections.abc import Sequence

import numpy as np

from schemas.models import TensorSpec
from schemas.tables.casting import TEXT, Array, cast

REQUEST_COLUMN = "tensor"
"""What a request may call the one input of a model, whatever the model calls it."""


def wire_request(columns: Sequence[str], inputs: Sequence[str], tensor_fields: Sequence[str] | None) -> dict[str, str]:
    """Input name -> request column, for the first step of a path. Columns that no input takes are left.

    By `tensor_fields` in its order where configured, else by the inputs' own names; one input also
    takes the column `tensor`. ValueError names what is missing.
    """
    if tensor_fields is not None:
        return _by_position(columns, inputs, tensor_fields)
    if all(name in columns for name in inputs):
        return {name: name for name in inputs}
    if len(inputs) == 1 and REQUEST_COLUMN in columns:
        return {inputs[0]: REQUEST_COLUMN}
    missing = [name for name in inputs if name not in columns]
    also = f" (or one column {REQUEST_COLUMN!r})" if len(inputs) == 1 else ""
    raise ValueError(f"no column {', '.join(map(repr, missing))}{also}; came: {', '.join(columns) or 'none'}")


def wire_step(outputs: Sequence[str], inputs: Sequence[str], tensor_fields: Sequence[str] | None) -> dict[str, str]:
    """Input name -> output of the step before, for every later step of a path.

    By `tensor_fields` where they are there, by name where the names are there (a step may leave
    some), by position where one output meets one input. ValueError names what is missing.
    """
    if tensor_fields is not None and all(name in outputs for name in tensor_fields):
        return _by_position(outputs, inputs, tensor_fields)
    if all(name in outputs for name in inputs):
        return {name: name for name in inputs}
    if len(outputs) == len(inputs) == 1:
        return {inputs[0]: outputs[0]}
    missing = [name for name in inputs if name not in outputs]
    raise ValueError(
        f"no output {', '.join(map(repr, missing))} in the step before, which gives: "
        f"{', '.join(outputs) or 'none'}; name the outputs in configure(tensor_fields=[...])"
    )


def why_unfit(output: TensorSpec, taken: TensorSpec) -> str:
    """Why an output can never be an input of the step behind it, in a sentence; empty where it can, for all that is
    declared. A free dimension fits any. A shape without dimensions is a scalar, or one that the file does not say:
    older versions stored both alike, without `per_row`."""
    if not castable(output.dtype, taken.dtype):
        return f"its output {output.name!r} is {output.dtype}, the input {taken.name!r} takes {taken.dtype}"
    known = output.shape or (output.shape == () and output.per_row is not None)
    if known and taken.shape and not _alike(output.shape or (), taken.shape):
        return (
            f"its output {output.name!r} has the shape {output.shown_shape}, the input {taken.name!r} takes "
            f"{taken.shown_shape}"
        )
    return ""


def castable(given: str, wanted: str) -> bool:
    """Whether `schemas.tables.casting.cast` takes arrays of the first dtype as the second, for some values at least."""
    try:
        cast(np.empty(0, object if given == TEXT else given), wanted, "")
    except (TypeError, ValueError):
        return False
    return True


def dtype_of(array: Array) -> str:
    """Of an array, as `TensorSpec` names it."""
    return TEXT if array.dtype.kind in "OU" else array.dtype.name


def _alike(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    return len(one) == len(other) and all(
        size is None or beside is None or size == beside for size, beside in zip(one, other, strict=True)
    )


def _by_position(given: Sequence[str], inputs: Sequence[str], tensor_fields: Sequence[str]) -> dict[str, str]:
    if len(tensor_fields) != len(inputs):
        raise ValueError(
            f"tensor_fields has {len(tensor_fields)} names ({', '.join(tensor_fields)}) for "
            f"{len(inputs)} inputs ({', '.join(inputs)})"
        )
    missing = [name for name in tensor_fields if name not in given]
    if missing:
        raise ValueError(
            f"no column {', '.join(map(repr, missing))} of tensor_fields; came: {', '.join(given) or 'none'}"
        )
    return dict(zip(inputs, tensor_fields, strict=True))
