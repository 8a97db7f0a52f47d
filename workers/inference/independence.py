"""Whether the rows of one run are independent of each other, found by running two rows alone and together.

A file can say that an output has an entry per row. It cannot say that a row's entry is the same beside other rows: a
softmax, a mean or a sort over the batch mixes them, and a declared name can be wrong. Models run rows together only
where this probe agrees. It is no proof: it sees what random inputs show.
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
"""Of each value: far above what another order of additions changes in float32."""
_TOLERANCE_HALF: Final = 2e-2
"""Likewise, in float16."""
_LARGE: Final = 1000.0
"""Values of floats are tried from minus to plus this as well: what compares them with a threshold may be above it."""
_OF_LARGEST: Final = 0.1
"""Of the tolerance, times an output's largest value: where a small value is the difference of large ones."""


def why_not_independent(
    run: Callable[[Arrays], Arrays], row: Callable[[np.random.Generator], Arrays], *, rows_fixed: bool
) -> str | None:
    """Why rows may not be one run; None where nothing speaks against it.

    Args:
        run: the model: its outputs of some inputs.
        row: random inputs, as many rows as one run takes at least: 1, or the fixed number.
        rows_fixed: whether the model takes that number of rows only.
    """
    random = np.random.default_rng(0)
    first, second, third = rows = _rows_apart(row, random)
    try:
        if rows_fixed:
            return _why_not_fixed(run, first, second)
        # In both orders: a row of zeros changes no sum behind it.
        return (
            _why_not_free(run, first, second, third)
            or _why_not_free(run, second, first, third)
            or _why_not_large(run, [{name: _large(array) for name, array in one.items()} for one in rows])
        )
    except Refused as refusal:
        return f"the probe's random rows cannot be run: {refusal.message}"


def _rows_apart(row: Callable[[np.random.Generator], Arrays], random: np.random.Generator) -> list[Arrays]:
    """Three that differ in every input: equal rows would show nothing. A few 0 and 1 are often equal: then some are."""
    rows = [row(random)]
    for _ in range(2):
        for _ in range(_DRAWS_MAX):
            drawn = row(random)
            if not any(np.array_equal(drawn[name], rows[-1][name]) for name in drawn):
                break
        rows.append(drawn)
    return rows


def random_array(dtype: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Values that most models take: 0.0 to 1.0, the integers 0 and 1, short texts."""
    if dtype == TEXT:
        return random.choice(np.array(["a", "b", "c"], dtype=object), shape)
    wanted = np.dtype(dtype)
    if wanted.kind == "f":
        return random.random(shape).astype(wanted)
    return random.integers(0, 2, shape).astype(wanted)


def _why_not_free(run: Callable[[Arrays], Arrays], first: Arrays, second: Arrays, third: Arrays) -> str | None:
    """Two rows alone and together, and each beside another one: that is the same work, and gives the same bits."""
    alone = [run(first), run(second)]
    together, other_second = run(_joined(first, second)), run(_joined(first, third))
    for name, outputs in together.items():
        if outputs.ndim == 0 or len(outputs) != _ROWS:
            return f"output {name!r} of {_ROWS} rows has the shape {list(outputs.shape)}"
        for index in range(_ROWS):
            if not _same(outputs[index : index + 1], alone[index][name]):
                return f"output {name!r} of a row is another one beside another row"
        if not _equal(outputs[:1], other_second[name][:1]):
            return f"output {name!r} of a row is another one beside another row"
    return None


def _why_not_large(run: Callable[[Arrays], Arrays], rows: list[Arrays]) -> str | None:
    """A row beside two others, in front and behind. A model that refuses such values shows nothing by that."""
    first, second, third = rows
    try:
        pairs = [
            (0, run(_joined(first, second)), run(_joined(first, third))),
            (1, run(_joined(second, first)), run(_joined(third, first))),
        ]
    except Refused:
        return None
    for index, one, other in pairs:
        for name, outputs in one.items():
            # A slice: a single text is no array.
            row = slice(index, index + 1)
            if len(outputs) != _ROWS or len(other[name]) != _ROWS or not _equal(outputs[row], other[name][row]):
                return f"output {name!r} of a row is another one beside another row"
    return None


def _large(array: Array) -> Array:
    """Of floats from 0 to 1, from minus to plus _LARGE. Others, as pixels up to 255 are, may become all alike."""
    if array.dtype.kind != "f":
        return array
    spread = (array.astype(np.float64) - 0.5) * (2 * _LARGE)
    return spread.clip(-_LARGE, _LARGE).astype(array.dtype)


def _joined(first: Arrays, second: Arrays) -> Arrays:
    return {name: np.concatenate([first[name], second[name]]) for name in first}


def _why_not_fixed(run: Callable[[Arrays], Arrays], rows: Arrays, others: Arrays) -> str | None:
    """All rows, the same with another first one, and the same in another order."""
    before = run(rows)
    rolled = run({name: np.roll(array, 1, axis=0) for name, array in rows.items()})
    after = run({name: np.concatenate([others[name][:1], rows[name][1:]]) for name in rows})
    count = len(next(iter(rows.values())))
    for name, outputs in before.items():
        if outputs.ndim == 0 or len(outputs) != count:
            return f"output {name!r} of {count} rows has the shape {list(outputs.shape)}"
        if not _equal(after[name][1:], outputs[1:]) or not _same(rolled[name], np.roll(outputs, 1, axis=0)):
            return f"output {name!r} of a row is another one beside another row"
    return None


def _equal(one: Array, other: Array) -> bool:
    """Bit by bit, but for NaN."""
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))


def _same(one: Array, other: Array) -> bool:
    """Of one shape, and equal up to rounding."""
    if one.shape != other.shape or one.dtype.kind not in "fc":
        return bool(np.array_equal(one, other))
    finite = np.abs(other[np.isfinite(other)].astype(np.float64))
    tolerance = _TOLERANCE_HALF if one.dtype == np.float16 else _TOLERANCE
    allowed = _OF_LARGEST * tolerance * float(finite.max(initial=0.0))
    close = np.allclose(one.astype(np.float64), other.astype(np.float64), rtol=tolerance, atol=allowed, equal_nan=True)
    return bool(close)
