"""What is right: ONNX Runtime, called by hand on the arrays that a request means. It shares no code with the services.

The rules are those of docs/contract.md and docs/python.md:

- Rows stack on the batch axis; where a model is configured `single`, a row is the model's whole input.
- A cell that is nested as deep as the input has its own axes. A flat cell takes the declared dimensions, of which one
  may be free. A leading 1 may be added or dropped. Nothing else is reshaped.
- Floats and integers become the input's float where no finite number becomes infinite; integers become the input's
  integer where they fit. Other dtypes are what they are.
- A row's answer is that of the row alone. Of an output whose first axis has an entry per row, it may also be the row's
  entry in a run of all rows of this request. It never comes from a run with another request's rows.

What has no right answer is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise, product
from typing import Any, Final

import numpy as np

from adapters.onnx_runtime import onnxruntime
from tests.fuzz.requests import Cell, Request
from tests.fuzz.signatures import Input, Model

Arrays = dict[str, Cell]

_READINGS_MAX: Final = 16


@dataclass(frozen=True)
class Step:
    """A model of a path. wires: input -> output of the step before; empty for the first step."""

    model: Model
    wires: dict[str, str]


@dataclass(frozen=True)
class Right:
    """answers: by output, per row, what an answer may hold; no entry where nothing may be answered.

    due: whether it must be answered, and may not be refused.
    """

    answers: dict[str, list[list[Cell]]]
    due: bool


def right(path: Sequence[Step], request: Request, *, single: bool) -> Right:
    """What a request may be answered with, and whether it has to be."""
    first = path[0].model
    readings = {
        one.name: [_readings(one, cell, single=single) for cell in request.cells[one.name]] for one in first.inputs
    }
    if not request.complete:
        return Right({}, due=False)
    answers: dict[str, list[list[Cell]]] = {}
    alone = [list(_runs(path, {name: rows[row] for name, rows in readings.items()})) for row in range(request.rows)]
    if all(alone):
        for output in path[-1].model.outputs:
            answers[output.name] = [[run[output.name] for run in runs] for runs in alone]
    if request.rows > 1 and not single:
        _add_entries(answers, path, readings, request.rows)
    clean = all(len(row) == 1 and row[0].plain for rows in readings.values() for row in rows)
    clean = clean and _casts_by_the_file(path)
    due = clean and all(alone) and (single or request.rows == 1 or _stacks_by_the_file(path))
    return Right(answers, due)


@dataclass(frozen=True)
class _Reading:
    """An array that a cell means, of one row. plain: nobody doubts it."""

    array: Cell
    plain: bool


def _readings(one: Input, cell: Cell, *, single: bool) -> list[_Reading]:
    """What a cell may mean: its own axes where they fit, else what the rules allow."""
    cast, plain = _cast(cell, one.dtype)
    if cast is None:
        return []
    exact, sizes = (cast if single else cast[None]), one.sizes
    if sizes is None:
        return [_Reading(exact, plain)]
    if not sizes:
        return [_Reading(cast.reshape(()), plain and cast.ndim == 0)] if cast.size == 1 else []
    wanted = sizes if single else (1 if sizes[0] is None else sizes[0], *sizes[1:])
    row = sizes if single else (1, *sizes[1:])
    if _fits(exact, row):
        # Of no element, or a batch of fixed size that is not one row: who reads it otherwise is not wrong.
        return [_Reading(exact, plain and cast.size > 0 and (single or wanted[0] == 1))]
    found = []
    if cast.ndim <= 1 and (filled := _filled(cast, row)) is not None:
        found.append(_Reading(filled, plain and None not in row and (single or wanted[0] == 1) and cast.ndim == 1))
    for other in (exact[None], *([exact[0, ...]] if exact.shape[:1] == (1,) else [])):
        if not found and (_fits(other, row) or _fits(other, wanted)):
            found.append(_Reading(other, plain=False))
    return found


def _cast(cell: Cell, dtype: str) -> tuple[Cell | None, bool]:
    """The cell in the model's dtype, or None; whether nobody doubts it."""
    came = cell.dtype
    if dtype == "string" or came.kind == "O":
        return (cell, True) if dtype == "string" and came.kind == "O" else (None, False)
    wanted = np.dtype(dtype)
    if came == wanted:
        return cell, True
    with np.errstate(all="ignore"):
        cast = cell.astype(wanted)
    if wanted.kind == "f" and came.kind in "fiu":
        grown = np.isinf(cast) & np.isfinite(cell.astype(np.float64))
        return (None, False) if grown.any() else (cast, True)
    same = _same_numbers(cell, cast)
    if wanted.kind in "iu" and came.kind in "iu":
        return (cast, True) if same else (None, False)
    return (cast, False) if same else (None, False)


def _same_numbers(one: Cell, other: Cell) -> bool:
    """As Python compares them: NumPy compares int64 with uint64 as float64."""
    return one.ravel().tolist() == other.ravel().tolist()


def _fits(array: Cell, sizes: Sequence[int | None]) -> bool:
    return array.ndim == len(sizes) and all(size in (None, came) for size, came in zip(sizes, array.shape, strict=True))


def _filled(flat: Cell, sizes: Sequence[int | None]) -> Cell | None:
    """Flat numbers in the declared dimensions, of which one may be free."""
    if sizes.count(None) > 1:
        return None
    known = int(np.prod([size for size in sizes if size is not None]))
    if known == 0 or flat.size % known or (None not in sizes and flat.size != known):
        return None
    return flat.reshape([flat.size // known if size is None else size for size in sizes])


def _runs(path: Sequence[Step], readings: dict[str, list[_Reading]]) -> Iterator[dict[str, Cell]]:
    """The outputs of one row, flat, for each combination of what its cells may mean."""
    for combination in islice(product(*readings.values()), _READINGS_MAX):
        outputs = _outputs(path, {name: one.array for name, one in zip(readings, combination, strict=True)})
        if outputs is not None:
            yield {name: array.ravel() for name, array in outputs.items()}


def _add_entries(
    answers: dict[str, list[list[Cell]]],
    path: Sequence[Step],
    readings: dict[str, list[list[_Reading]]],
    rows: int,
) -> None:
    """Each row's entry in a run of all rows, for outputs that have one."""
    if any(len(row) != 1 for each in readings.values() for row in each):
        return
    arrays = {name: [row[0].array for row in each] for name, each in readings.items()}
    if any(not array.ndim or array.shape[1:] != each[0].shape[1:] for each in arrays.values() for array in each):
        return
    outputs = _outputs(path, {name: np.concatenate(each) for name, each in arrays.items()})
    if outputs is None:
        return
    for name, array in outputs.items():
        if name in _per_row(path) and array.shape[:1] == (rows,):
            for row, may in enumerate(answers.setdefault(name, [[] for _ in range(rows)])):
                may.append(array[row, ...].ravel())


def _per_row(path: Sequence[Step]) -> set[str]:
    """The last step's outputs whose first axis has an entry per row of the request."""
    known = {one.name for one in path[0].model.inputs}
    for step in path:
        fed = {name for name, source in step.wires.items() if source in known} if step.wires else known
        known = {output.name for output in step.model.outputs if output.per_row and output.made_of in fed}
    return known


def _casts_by_the_file(path: Sequence[Step]) -> bool:
    """Whether each step's inputs have the dtypes of the outputs before, or take them by a cast that nobody doubts."""
    for before, step in pairwise(path):
        given = {output.name: output.dtype for output in before.model.outputs}
        for one in step.model.inputs:
            came, wanted = given[step.wires[one.name]], one.dtype
            if came != wanted and not (wanted.startswith("float") and came.startswith(("float", "int", "uint"))):
                return False
    return True


def _stacks_by_the_file(path: Sequence[Step]) -> bool:
    """Whether each file says that rows stack: one batch name on all inputs and outputs, and it is true."""
    for step in path:
        names = {one.dims[0] if one.dims else None for one in step.model.inputs}
        if len(names) != 1 or not names <= {"batch", "batch_size", "N"}:
            return False
        if not all(output.per_row and output.independent and output.honest for output in step.model.outputs):
            return False
    return True


def _outputs(path: Sequence[Step], arrays: Arrays) -> Arrays | None:
    """The last step's outputs, or None where ONNX Runtime refuses, or a step's output is no input of the next."""
    for number, step in enumerate(path):
        if number:
            before, arrays = arrays, {}
            for one in step.model.inputs:
                cast, _ = _cast(before[step.wires[one.name]], one.dtype)
                if cast is None:
                    return None
                arrays[one.name] = cast
        try:
            values = _session(step.model.content).run(None, arrays)
        except Exception:  # noqa: BLE001  # ONNX Runtime's errors have no base of their own; all say that it does not fit
            return None
        arrays = {output.name: np.asarray(value) for output, value in zip(step.model.outputs, values, strict=True)}
    return arrays


@lru_cache(maxsize=4)
def _session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
