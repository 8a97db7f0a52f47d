"""Dictionary-encoded, run-end encoded, view and extension columns become plain columns.

Producers' libraries choose encodings; models take numbers, booleans, text and lists of them. `decode_columns` is called
wherever a request is read for a model, a rule or a log. An encoding can stand for far more
than its own bytes (one long text that a million indices name), so the size is counted before anything is decoded.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import Refused
from schemas.limits import TABLE_BYTES_MAX

_Array: TypeAlias = Any  # pyarrow's stubs do not know all of its arrays
_Sizes: TypeAlias = "float | np.ndarray[Any, np.dtype[np.float64]]"

_OFFSET_BYTES: Final = 8
"""Of a text or a list, beside its content."""

_TEXTS_MAX: Final = TABLE_BYTES_MAX // 64
"""Texts whose lengths are looked at one by one; each takes 64 bytes or more in a process."""

_VIEW_INTS: Final = 4
"""A view has 16 bytes; the first four are its length."""


def decode_columns(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """`table` with these columns decoded: each holds numbers, booleans, text, or lists of them. Columns of any other
    type stay as they are.

    Raises:
        Refused: TableTooLarge, they would take more than TABLE_BYTES_MAX together. WrongDtype, a tensor's dimensions
            are permuted: writers do not agree on what a permutation means, so its values could be scrambled. BadArrow,
            a column's parts do not fit each other.
    """
    try:
        return _table_of(table, names)
    except (pa.ArrowException, IndexError, ValueError, OverflowError) as error:
        why = f"a column cannot be decoded: {' '.join(str(error).split())[:300]}"
        raise Refused("BadArrow", why, "decode") from error


def _table_of(table: pa.Table, names: Iterable[str]) -> pa.Table:
    wanted = [name for name in dict.fromkeys(names) if can_be_decoded(table.schema.field(name).type)]
    for name in wanted:
        _check_permutation(table.schema.field(name).type, name)
    left: float = TABLE_BYTES_MAX
    for name in wanted:
        left -= sum(_total(chunk) for chunk in table.column(name).chunks)
        if left < 0:
            why = f"column {name!r} decodes to too much; expected at most {TABLE_BYTES_MAX} bytes in all columns"
            raise Refused("TableTooLarge", f"{why}: send fewer rows", "decode")
    for name in wanted:
        column = table.column(name)
        if column.num_chunks:
            decoded = pa.chunked_array([_decoded(chunk) for chunk in column.chunks])
            table = table.set_column(table.column_names.index(name), name, decoded)
    return table


def _check_permutation(kind: Any, name: str) -> None:
    order = kind.permutation if isinstance(kind, pa.FixedShapeTensorType) else None
    if order is not None and list(order) != sorted(order):
        why = f"column {name!r} is a fixed_shape_tensor with the permutation {list(order)}"
        raise Refused("WrongDtype", f"{why}; expected its dimensions in order: send a C-contiguous array", "decode")


def can_be_decoded(kind: Any) -> bool:
    """Whether a column of this type has an encoding, and stands for what a model can take."""
    return _is_encoded(kind) and _is_plain(_leaf(kind))


def _is_encoded(kind: Any) -> bool:
    if _is_list(kind) and not _is_list_view(kind):
        return _is_encoded(kind.value_type)
    return _inside(kind) is not None or pa.types.is_string_view(kind)


def _leaf(kind: Any) -> Any:
    while (inside := _inside(kind)) is not None:
        kind = inside
    return kind


def _inside(kind: Any) -> Any:
    """The type below a list or an encoding; None where there is none."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    if _is_list(kind) or pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return kind.value_type
    return None


def _is_list(kind: Any) -> bool:
    of_offsets = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return of_offsets or pa.types.is_fixed_size_list(kind) or _is_list_view(kind)


def _is_list_view(kind: Any) -> bool:
    return pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)


def _is_plain(kind: Any) -> bool:
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return numbers or pa.types.is_null(kind) or _is_text(kind)


def _is_text(kind: Any) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _total(values: _Array) -> float:
    sizes = _cell_bytes(values)
    return float(sizes.sum()) if isinstance(sizes, np.ndarray) else sizes * len(values)


def _cell_bytes(values: _Array) -> _Sizes:
    """Bytes of each cell once it is decoded: one number where all are alike. Nothing is decoded for it."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return _cell_bytes(values.storage)
    if _is_text(kind):
        return _few(values, _text_lengths) + _OFFSET_BYTES
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        sizes = _cell_bytes(values.dictionary if pa.types.is_dictionary(kind) else values.values)
        if not isinstance(sizes, np.ndarray):
            return sizes
        return sizes[_few(values, _places)] if len(sizes) else 0.0
    if _is_list(kind):
        return _list_bytes(values)
    return 1.0 if pa.types.is_null(kind) else max(1.0, kind.bit_width / 8)


def _list_bytes(lists: _Array) -> _Sizes:
    sizes: Any = _cell_bytes(lists.values)
    if pa.types.is_fixed_size_list(lists.type):
        size = lists.type.list_size
        if not isinstance(sizes, np.ndarray):
            return float(sizes * size + _OFFSET_BYTES)
        begins = (np.arange(len(lists)) + lists.offset) * size
        ends = begins + size
    else:
        begins = _numbers(lists.offsets)[: len(lists)]
        ends = begins + _lengths(lists)
    if not isinstance(sizes, np.ndarray):
        return np.asarray((ends - begins) * sizes + _OFFSET_BYTES, np.float64)
    sums = np.concatenate([[0.0], np.cumsum(sizes)])
    found: np.ndarray = sums[ends] - sums[begins] + _OFFSET_BYTES
    return found


def _few(values: _Array, of: Callable[[_Array], np.ndarray]) -> np.ndarray:
    """`of(values)`, which takes some bytes for each of them."""
    if len(values) > _TEXTS_MAX:
        why = f"{len(values)} texts in one column; expected at most {_TEXTS_MAX}: send fewer rows"
        raise Refused("TableTooLarge", why, "decode")
    return of(values)


def _text_lengths(texts: _Array) -> np.ndarray:
    if pa.types.is_string_view(texts.type):
        lengths = _views(texts)[texts.offset :, 0]
        return np.where(_flags(texts.is_valid()), lengths, 0).astype(np.float64)
    return _numbers_or_0(pc.binary_length(texts)).astype(np.float64)


def _views(texts: _Array) -> np.ndarray:
    """int32 [n, 4], those before the array's own beginning among them."""
    count = _VIEW_INTS * (texts.offset + len(texts))
    return np.frombuffer(texts.buffers()[1] or b"", np.int32, count).reshape(-1, _VIEW_INTS)


def _places(values: _Array) -> np.ndarray:
    """Of each cell, where in the dictionary, or among the runs, its value stands; 0 where there is none."""
    if pa.types.is_dictionary(values.type):
        return _numbers_or_0(values.indices).astype(np.int64)
    ends = _numbers(values.run_ends)
    return np.searchsorted(ends, np.arange(values.offset, values.offset + len(values)), side="right")


def _lengths(lists: _Array) -> np.ndarray:
    """Of each list; 0 of a null."""
    return _numbers_or_0(pc.list_value_length(lists)).astype(np.int64)


def _decoded(values: _Array) -> _Array:
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return _of_extension(values)
    if pa.types.is_string_view(kind):
        return _of_views(values)
    if pa.types.is_dictionary(kind):
        return _decoded(values.dictionary).take(values.indices)
    if pa.types.is_run_end_encoded(kind):
        return _decoded(values.values).take(_whole_numbers(_places(values)))
    return _of_lists(values) if _is_list(kind) else values


def _of_views(texts: _Array) -> _Array:
    """The view of a null may be anything, and pyarrow's cast reads it: it is emptied first."""
    if texts.null_count:
        validity, _, *content = texts.buffers()
        views = _views(texts).copy()
        views[texts.offset :][_flags(texts.is_valid()) == 0] = 0
        buffers = [validity, _buffer(views), *content]
        texts = pa.Array.from_buffers(texts.type, len(texts), buffers, offset=texts.offset)
    return texts.cast(pa.string())


def _of_lists(values: _Array) -> _Array:
    if pa.types.is_fixed_size_list(values.type):
        size = values.type.list_size
        inside = _decoded(values.values.slice(values.offset * size, len(values) * size))
        return _of_children(pa.list_(inside.type, size), values, [], inside)
    inside = _decoded(values.flatten())
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(_lengths(values), out=offsets[1:])
    return _of_children(pa.list_(inside.type), values, [_buffer(offsets)], inside)


def _of_extension(values: _Array) -> _Array:
    if isinstance(values.type, pa.Bool8Type):
        return values.storage.cast(pa.bool_())
    if isinstance(values.type, pa.FixedShapeTensorType):
        return _of_tensors(values)
    return _decoded(values.storage)


def _of_tensors(values: _Array) -> _Array:
    """Lists in lists of the tensors' shape."""
    lists, shape = values.storage, values.type.shape
    size = lists.type.list_size
    inside = lists.values.slice(lists.offset * size, len(lists) * size)
    for axis in range(len(shape) - 1, 0, -1):
        count = len(lists) * int(np.prod(shape[:axis]))
        inside = pa.Array.from_buffers(pa.list_(inside.type, shape[axis]), count, [None], children=[inside])
    return _of_children(pa.list_(inside.type, shape[0]), lists, [], inside) if shape else inside


def _of_children(kind: Any, like: _Array, buffers: list[pa.Buffer], inside: _Array) -> _Array:
    """Lists that are null where `like` is."""
    valid = like.is_valid().buffers()[1] if like.null_count else None
    return pa.Array.from_buffers(kind, len(like), [valid, *buffers], children=[inside])


def _numbers(values: _Array) -> np.ndarray:
    """Numbers without nulls as they lie in memory: `to_numpy` and `pa.array` import pandas into a service."""
    dtype = np.dtype(values.type.to_pandas_dtype())
    return np.frombuffer(values.buffers()[1] or b"", dtype, values.offset + len(values))[values.offset :]


def _numbers_or_0(values: _Array) -> np.ndarray:
    numbers = _numbers(values)
    return np.where(_flags(values.is_valid()), numbers, 0) if values.null_count else numbers


def _flags(values: _Array) -> np.ndarray:
    bits = np.frombuffer(values.buffers()[1] or b"", np.uint8)
    return np.unpackbits(bits, bitorder="little")[values.offset : values.offset + len(values)]


def _whole_numbers(values: np.ndarray) -> _Array:
    return pa.Array.from_buffers(pa.int64(), len(values), [None, _buffer(values.astype(np.int64))])


def _buffer(array: np.ndarray) -> pa.Buffer:
    memory: Any = np.ascontiguousarray(array)
    return pa.py_buffer(memory)
