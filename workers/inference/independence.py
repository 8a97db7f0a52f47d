"""A probe for the independence of rows: it runs two rows alone and together.

A model file can state that an output has an entry per row. It cannot state that the entry of a row is the same beside
other rows: a softmax, a mean or a sort over the batch mixes rows, and a declared name can be wrong. Rows of a model
share a run only if this probe finds no difference. The probe is no proof: it tries random inputs only.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from schemas.errors import Refused
from schemas.tables.casting import TEXT, Array
from schemas.tables.fitting import Arrays

_ROWS: Final = 2
_DRAWS_MAX: Final = 100
_TOLERANCE: Final = 1e-3
"""Relative to each value, in float32: far above the effect of another order of additions."""
_TOLERANCE_HALF: Final = 2e-2
"""The same in float16."""
_LARGE: Final = 1000.0
"""Floats are also probed from minus to plus this value: a model may compare them with a threshold above 1."""
_LARGEST_SHARE: Final = 0.1
"""The absolute tolerance is this share of the relative one, times an output's largest value: a small value may be the
difference of large ones."""


def why_not_independent(
    run: Callable[[Arrays], Arrays], row: Callable[[np.random.Generator], Arrays], *, rows_fixed: bool
) -> str | None:
    """Why rows may not share a run; None: the probe finds no difference.

    Args:
        run: the model, from inputs to outputs.
        row: makes random inputs with the fewest rows that a run takes: 1, or the fixed number.
        rows_fixed: whether the model takes this number of rows only.
    """
    random = np.random.default_rng(0)
    first, second, third = rows = _different_rows(row, random)
    try:
        if rows_fixed:
            return _why_not_fixed(run, first, second)
        # Both orders are probed: a row of zeros changes no sum of the rows behind it.
        return (
            _why_not_free(run, first, second, third)
            or _why_not_free(run, second, first, third)
            or _why_not_large(run, [{name: _large(array) for name, array in arrays.items()} for arrays in rows])
        )
    except Refused as refusal:
        return f"the probe's random rows cannot be run: {refusal.message}"


def _different_rows(row: Callable[[np.random.Generator], Arrays], random: np.random.Generator) -> list[Arrays]:
    """Three rows that differ in every input, as equal rows show nothing.

    Small integer inputs may stay equal after _DRAWS_MAX draws.
    """
    rows = [row(random)]
    for _ in range(2):
        for _ in range(_DRAWS_MAX):
            drawn = row(random)
            if not any(np.array_equal(drawn[name], rows[-1][name]) for name in drawn):
                break
        rows.append(drawn)
    return rows


def random_array(dtype: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Values that most models accept: 0.0 to 1.0, the integers 0 and 1, short texts."""
    if dtype == TEXT:
        return random.choice(np.array(["a", "b", "c"], dtype=object), shape)
    numeric = np.dtype(dtype)
    if numeric.kind == "f":
        return random.random(shape).astype(numeric)
    return random.integers(0, 2, shape).astype(numeric)


def _why_not_free(run: Callable[[Arrays], Arrays], first: Arrays, second: Arrays, third: Arrays) -> str | None:
    """Run two rows alone and together, up to rounding; and the first beside another row, which must give equal bits."""
    alone = [run(first), run(second)]
    together, beside_third = run(_joined(first, second)), run(_joined(first, third))
    for name, outputs in together.items():
        if outputs.ndim == 0 or len(outputs) != _ROWS:
            return f"output {name!r} of {_ROWS} rows has the shape {list(outputs.shape)}"
        for index in range(_ROWS):
            if not _same(outputs[index : index + 1], alone[index][name]):
                return f"output {name!r} of a row depends on the other rows of its run"
        if not _equal(outputs[:1], beside_third[name][:1]):
            return f"output {name!r} of a row depends on the other rows of its run"
    return None


def _why_not_large(run: Callable[[Arrays], Arrays], rows: list[Arrays]) -> str | None:
    """Run a row beside two other rows, in front of them and behind. A model that refuses large values passes."""
    first, second, third = rows
    try:
        pairs = [
            (0, run(_joined(first, second)), run(_joined(first, third))),
            (1, run(_joined(second, first)), run(_joined(third, first))),
        ]
    except Refused:
        return None
    for index, beside_one, beside_other in pairs:
        for name, outputs in beside_one.items():
            # A slice stays an array; a single text does not.
            row = slice(index, index + 1)
            other_outputs = beside_other[name]
            if not len(outputs) == len(other_outputs) == _ROWS or not _equal(outputs[row], other_outputs[row]):
                return f"output {name!r} of a row depends on the other rows of its run"
    return None


def _large(array: Array) -> Array:
    """Floats from 0 to 1 become -_LARGE to +_LARGE. Larger ones, such as pixels up to 255, are clipped to +_LARGE."""
    if array.dtype.kind != "f":
        return array
    spread = (array.astype(np.float64) - 0.5) * (2 * _LARGE)
    return spread.clip(-_LARGE, _LARGE).astype(array.dtype)


def _joined(first: Arrays, second: Arrays) -> Arrays:
    return {name: np.concatenate([first[name], second[name]]) for name in first}


def _why_not_fixed(run: Callable[[Arrays], Arrays], rows: Arrays, others: Arrays) -> str | None:
    """Run all rows, then with another first row, then in another order."""
    before = run(rows)
    rolled = run({name: np.roll(array, 1, axis=0) for name, array in rows.items()})
    after = run({name: np.concatenate([others[name][:1], rows[name][1:]]) for name in rows})
    count = len(next(iter(rows.values())))
    for name, outputs in before.items():
        if outputs.ndim == 0 or len(outputs) != count:
            return f"output {name!r} of {count} rows has the shape {list(outputs.shape)}"
        if not _equal(after[name][1:], outputs[1:]) or not _same(rolled[name], np.roll(outputs, 1, axis=0)):
            return f"output {name!r} of a row depends on the other rows of its run"
    return None


def _equal(first: Array, second: Array) -> bool:
    """Whether all bits are equal; NaN equals NaN."""
    return bool(np.array_equal(first, second, equal_nan=first.dtype.kind in "fc"))


def _same(first: Array, second: Array) -> bool:
    """Whether shapes are equal, and values are equal up to rounding."""
    if first.shape != second.shape or first.dtype.kind not in "fc":
        return bool(np.array_equal(first, second))
    finite = np.abs(second[np.isfinite(second)].astype(np.float64))
    tolerance = _TOLERANCE_HALF if first.dtype == np.float16 else _TOLERANCE
    allowed = _LARGEST_SHARE * tolerance * float(finite.max(initial=0.0))
    close = np.allclose(
        first.astype(np.float64), second.astype(np.float64), rtol=tolerance, atol=allowed, equal_nan=True
    )
    return bool(close)
