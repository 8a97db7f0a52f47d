"""What a number becomes in a model's dtype: itself, rounded, or an error."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from schemas.tables.casting import cast


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([70000.0]), "float16"),
        (np.array([65520.0], np.float32), "float16"),
        (np.array([70000]), "float16"),
        (np.array([-70000]), "float16"),
        (np.array([2**63], np.uint64), "float16"),
        (np.array([1e39]), "float32"),
        (np.array([math.inf, math.nan, -1e39]), "float32"),
    ],
)
def test_a_finite_number_that_would_become_infinite_is_refused(array: Any, dtype: str) -> None:
    with pytest.raises(ValueError, match=f"input 'x': a value does not fit into {dtype}: .* came; expected at most"):
        cast(array, dtype, "input 'x'")


@pytest.mark.parametrize(
    ("array", "dtype", "right"),
    [
        (np.array([math.inf, -math.inf, 0.1]), "float16", np.array([math.inf, -math.inf, 0.1], np.float16)),
        (np.array([math.inf, math.nan]), "float32", np.array([math.inf, math.nan], np.float32)),
        (np.array([65519.0]), "float16", np.array([65504], np.float16)),
        (np.array([1e-60]), "float32", np.array([0], np.float32)),
        (np.array([2**53 + 1]), "float64", np.array([2**53], np.float64)),
        (np.array([2**64 - 1], np.uint64), "float32", np.array([2**64], np.float32)),
        (np.array([1.5], np.float32), "float64", np.array([1.5])),
        (np.array([1.5], ">f4"), "float32", np.array([1.5], np.float32)),
        (np.empty((0, 3)), "float16", np.empty((0, 3), np.float16)),
    ],
)
def test_what_a_float_can_hold_is_rounded_at_most(array: Any, dtype: str, right: Any) -> None:
    given = cast(array, dtype, "input 'x'")
    assert given.dtype == right.dtype
    assert_array_equal(given, right)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([300]), "uint8"),
        (np.array([-1]), "uint8"),
        (np.array([5, -1]), "uint64"),
        (np.array([2**63], np.uint64), "int64"),
        (np.array([2**64 - 1], np.uint64), "int64"),
        (np.array([2**31]), "int32"),
    ],
)
def test_an_integer_that_would_become_another_one_is_refused(array: Any, dtype: str) -> None:
    with pytest.raises(ValueError, match=f"input 'x': a value does not fit into {dtype}: -?[0-9]+ came; expected "):
        cast(array, dtype, "input 'x'")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("source", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_integers_that_fit_keep_their_values_in_every_width(source: str, dtype: str) -> None:
    array = np.array([0, 1, 127], source)
    given = cast(array, dtype, "input 'x'")
    assert given.dtype == np.dtype(dtype)
    assert given.tolist() == [0, 1, 127]


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([1.0]), "int64"),
        (np.array([math.nan]), "int64"),
        (np.array([1.0]), "bool"),
        (np.array([1]), "bool"),
        (np.array([True]), "float32"),
        (np.array([True]), "int64"),
        (np.array(["a"], object), "float32"),
        (np.array(["a"], object), "bool"),
        (np.array([1.0]), "string"),
        (np.array([1j]), "float32"),
        (np.array([1.0]), "bfloat16"),
    ],
)
def test_another_kind_of_value_is_refused(array: Any, dtype: str) -> None:
    with pytest.raises(ValueError, match=rf"input 'x': .*{dtype}"):
        cast(array, dtype, "input 'x'")


def test_an_array_of_the_dtype_is_not_copied() -> None:
    numbers, texts = np.array([1.5], np.float32), np.array(["a"], object)
    assert cast(numbers, "float32", "input 'x'") is numbers
    assert cast(texts, "string", "input 'x'") is texts
