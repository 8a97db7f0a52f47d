"""Which value feeds which input. Pure: `deploy()` refuses with it, model processes wire with it."""

from collections.abc import Sequence

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
