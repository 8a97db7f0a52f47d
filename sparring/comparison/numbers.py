"""How far numbers differ: whole numbers as whole numbers, as float64 does not hold all of them. Pure."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sparring.comparison.boxes import Floats
from sparring.comparison.lists import Lists

_INT64_BELOW: Final = 2.0**63
_UINT64_BELOW: Final = 2.0**64


def apart_of(one: Lists, two: Lists) -> Floats:
    """The absolute difference of each pair of values, as many on both sides: float64, 0 only where both are the same
    number, or both are NaN or missing; infinite where one of them is."""
    (a, no_a), (b, no_b) = one.exact(), two.exact()
    apart = apart_of_arrays(a, b)
    nan_a, nan_b = no_a | np.isnan(a), no_b | np.isnan(b)
    apart[nan_a | nan_b] = np.inf
    apart[nan_a & nan_b] = 0
    return apart


def apart_of_arrays(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Without missing values. Where both are NaN, NaN."""
    if a.dtype == b.dtype:
        return _of_floats(a, b) if a.dtype.kind == "f" else _of_whole(a, b)
    if a.dtype.kind == "f" or (a.dtype.kind == "u" and b.dtype.kind == "i"):
        return apart_of_arrays(b, a)
    apart = _of_floats(a.astype(np.float64), b.astype(np.float64))
    # Where both fit into the type of `a`, or of `b` if that is unsigned, they are compared in it.
    dtype: npt.DTypeLike = np.uint64 if b.dtype.kind == "u" else a.dtype
    both = _fits(a, dtype) & _fits(b, dtype)
    apart[both] = _of_whole(a[both].astype(dtype), b[both].astype(dtype))
    return apart


def _fits(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[np.bool_]:
    """Whether each is a whole number that the integer type holds."""
    unsigned = np.dtype(dtype).kind == "u"
    if values.dtype.kind != "f":
        return np.asarray(values >= 0) if unsigned else np.ones(len(values), np.bool_)
    lowest, below = (0.0, _UINT64_BELOW) if unsigned else (-_INT64_BELOW, _INT64_BELOW)
    return np.asarray((values == np.floor(values)) & (values >= lowest) & (values < below))


def _of_whole(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Of one integer type. The difference has 64 bits without a sign."""
    larger, smaller = np.maximum(a, b).astype(np.uint64), np.minimum(a, b).astype(np.uint64)
    return np.asarray(larger - smaller, np.float64)


def _of_floats(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        apart: Floats = np.abs(a - b)
    apart[a == b] = 0  # infinities
    return apart
