"""An array in the dtype that a model's input declares, or an error. Pure.

The SDK calls it before it sends a request, a model process before the first step and between steps.

    from / to          float             integer            bool   string
    float             rounds, no inf    error              error  error
    integer           rounds, no inf    if all values fit  error  error
    bool              error             error              same   error
    string            error             error              error  same
"""

from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, Any]

TEXT: Final = "string"
"""The dtype of an input that takes text: its arrays are of numpy's dtype object and hold str."""


def cast(array: Array, dtype: str, what: str) -> Array:
    """`array` in `dtype` (numpy's name, or `string`): the array itself where it has it already.

    A float may be rounded. A finite number never becomes infinite, and an integer never becomes another one.

    Args:
        array: any shape, also of no elements.
        dtype: as in `TensorSpec.dtype`.
        what: begins the error's message, for example `input 'x'`.

    Raises:
        ValueError: the dtype is another kind, or a value does not fit. The message says what came and what is expected.
    """
    if dtype == TEXT:
        if array.dtype.kind in "OU":
            return array.astype(object, copy=False)
        raise _other_kind(array, dtype, what)
    wanted = _numpy_dtype(dtype, what)
    if array.dtype == wanted:
        return array
    if wanted.kind == "f" and array.dtype.kind in "fiu":
        return _to_float(array, wanted, what)
    if wanted.kind in "iu" and array.dtype.kind in "iu":
        return _to_integer(array, wanted, what)
    raise _other_kind(array, dtype, what)


def _numpy_dtype(dtype: str, what: str) -> "np.dtype[Any]":
    try:
        return np.dtype(dtype)
    except TypeError:
        raise ValueError(f"{what}: the model takes {dtype}, of which no array can be made") from None


def _to_float(array: Array, wanted: "np.dtype[Any]", what: str) -> Array:
    with np.errstate(over="ignore"):
        rounded: Array = array.astype(wanted)
    if np.can_cast(array.dtype, wanted, "safe"):
        return rounded
    infinite = np.isinf(rounded)
    if infinite.any():
        grown = infinite & np.isfinite(array)
        if grown.any():
            largest = float(np.finfo(wanted).max)
            raise ValueError(
                f"{what}: a value does not fit into {wanted}: {array[grown][0]} came; "
                f"expected at most {largest:g} in magnitude"
            )
    return rounded


def _to_integer(array: Array, wanted: "np.dtype[Any]", what: str) -> Array:
    if array.size and not np.can_cast(array.dtype, wanted, "safe"):
        # As Python's integers: numpy compares int64 with uint64 as float64, which rounds.
        limits = np.iinfo(wanted)
        for value in (int(array.min()), int(array.max())):
            if not limits.min <= value <= limits.max:
                raise ValueError(
                    f"{what}: a value does not fit into {wanted}: {value} came; expected {limits.min} to {limits.max}"
                )
    return array.astype(wanted)


def _other_kind(array: Array, dtype: str, what: str) -> ValueError:
    came = TEXT if array.dtype.kind in "OU" else str(array.dtype)
    return ValueError(f"{what}: {came} came; expected {dtype}")
