"""Encoded columns become what they stand for, whatever the encoding; their size is known before. Pure."""

import struct
import subprocess
import sys
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.limits import MIB
from schemas.tables.encodings import can_be_decoded, decode_columns
from schemas.tables.read import encode_table, read_arrow

WORDS = pa.array(["a", "long enough to lie outside of its view", "a", None])


def decoded(column: Any) -> Any:
    """The column, as it arrives, decoded."""
    table = decode_columns(read_arrow(encode_table(pa.table({"x": column}))), ["x"])
    table.validate(full=True)
    return table["x"]


def tensors(array: Any) -> Any:
    return pa.FixedShapeTensorArray.from_numpy_ndarray(array)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (WORDS.dictionary_encode(), pa.string()),
        (WORDS.cast(pa.large_string()).dictionary_encode(), pa.large_string()),
        (WORDS.cast(pa.string_view()), pa.string()),
        (pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.uint8()), WORDS.cast(pa.string_view())), pa.string()),
        (pa.array([2**63, 5, None], pa.uint64()).dictionary_encode(), pa.uint64()),
        (pa.array([1.5, 1.5, None], pa.float32()).dictionary_encode(), pa.float32()),
        (pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 4], pa.int32()), pa.array([1.5, None, 2.5])), pa.float64()),
        (pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 4, 9], pa.int16()), WORDS), pa.string()),
        (pa.array([["a", "b"], [], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))), pa.list_(pa.string())),
        (pa.array([["a"], [None]], pa.large_list(pa.string_view())), pa.list_(pa.string())),
        (pa.array([["a", "b"], None], pa.list_(pa.string_view(), 2)), pa.list_(pa.string(), 2)),
        (pa.array([[1, 2], [3], None, []], pa.list_view(pa.int64())), pa.list_(pa.int64())),
        (pa.array([[[1], [2, 3]], [[]]], pa.large_list_view(pa.list_view(pa.int8()))), pa.list_(pa.list_(pa.int8()))),
        (pa.ExtensionArray.from_storage(pa.json_(pa.string()), pa.array(['{"a": 1}', None])), pa.string()),
        (pa.ExtensionArray.from_storage(pa.opaque(pa.int32(), "t", "v"), pa.array([7, 8], pa.int32())), pa.int32()),
    ],
    ids=lambda given: str(getattr(given, "type", given)),
)  # fmt: skip
@pytest.mark.parametrize("begin", [0, 1])
def test_an_encoded_column_is_what_it_stands_for(column: Any, kind: Any, begin: int) -> None:
    assert can_be_decoded(column.type)
    for part in (column.slice(begin), pa.chunked_array([column, column.slice(begin)])):
        found = decoded(part)
        assert found.type == kind
        assert found.to_pylist() == part.to_pylist()


def test_a_booleans_byte_is_a_boolean() -> None:
    column = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, -1, None], pa.int8()))
    assert decoded(column).to_pylist() == [False, True, True, None]


@pytest.mark.parametrize("begin", [0, 1])
def test_tensors_of_a_fixed_shape_are_lists_of_that_shape(begin: int) -> None:
    array = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    assert decoded(tensors(array).slice(begin)).to_pylist() == array[begin:].tolist()


def test_a_tensor_with_permuted_dimensions_is_refused() -> None:
    """pyarrow itself writes one permutation and reads its inverse."""
    with pytest.raises(
        Refused, match=r"column 'x' is a fixed_shape_tensor with the permutation \[1, 2, 0\]"
    ) as refused:
        decoded(tensors(np.zeros((2, 4, 5, 3), np.float32).transpose(0, 3, 1, 2)))
    assert refused.value.error == "WrongDtype"


def test_chunks_with_different_dictionaries_are_one_column() -> None:
    column = pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()])
    assert decoded(column).to_pylist() == ["a", "b", "c", "a"]


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["a", "b"]), pl.String], ids=str)
def test_text_as_polars_has_it_is_text(kind: Any) -> None:
    assert decoded(pl.DataFrame({"x": pl.Series(["a", "b", "a"], dtype=kind)}).to_arrow()["x"]).to_pylist() == list(
        "aba"
    )


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"a"]).dictionary_encode(),
        pa.array([{"a": 1}]),
        pa.array([1], pa.date32()).dictionary_encode(),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
        pa.array(["plain"]),
        pa.array([[1.5]], pa.large_list(pa.float16())),
    ],
    ids=lambda column: str(column.type),
)
def test_any_other_column_stays_as_it_is(column: Any) -> None:
    found = decoded(column)
    assert found.type == column.type
    assert found.to_pylist() == column.to_pylist()


def views_of_one_list(count: int, size: int) -> Any:
    inside = pa.array(np.zeros(size, np.int8))
    buffers = [None, pa.py_buffer(bytes(4 * count)), pa.py_buffer(struct.pack("<i", size) * count)]
    return pa.Array.from_buffers(pa.list_view(pa.int8()), count, buffers, children=[inside])


def listed(values: Any) -> Any:
    """All of them in the list of one row."""
    offsets = pa.py_buffer(struct.pack("<ii", 0, len(values)))
    return pa.Array.from_buffers(pa.list_(values.type), 1, [None, offsets], children=[values])


def views_of_one_text(count: int, text: str) -> Any:
    view, content = pa.array([text], pa.string_view()).buffers()[1:]
    assert view is not None
    return pa.Array.from_buffers(pa.string_view(), count, [None, pa.py_buffer(bytes(view) * count), content])


LONG = pa.array(["x" * MIB])
THOUSAND_TIMES: Any = pa.array(np.zeros(1000, np.int8))


@pytest.mark.parametrize(
    "column",
    [
        pa.DictionaryArray.from_arrays(THOUSAND_TIMES, LONG),
        views_of_one_text(1000, "x" * MIB),
        pa.RunEndEncodedArray.from_arrays(pa.array([1000], pa.int32()), LONG),
        views_of_one_list(1000, MIB),
        listed(pa.DictionaryArray.from_arrays(THOUSAND_TIMES, LONG)),
        listed(pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 1], pa.int32()), pa.array([1.5]))),
        listed(pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 1], pa.int32()), pa.array(["a"]))),
        pa.DictionaryArray.from_arrays(THOUSAND_TIMES, pa.array([["a"] * MIB])),
    ],
    ids=lambda column: str(column.type),
)  # fmt: skip
def test_what_decodes_to_too_much_is_refused_before_and_only_where_it_is_wanted(column: Any) -> None:
    table = read_arrow(encode_table(pa.table({"x": column, "y": pa.nulls(len(column))})))
    before = pa.total_allocated_bytes()
    with pytest.raises(Refused, match=r"column 'x' decodes to too much|texts in one column") as refused:
        decode_columns(table, ["x"])
    assert refused.value.error == "TableTooLarge"
    assert pa.total_allocated_bytes() - before < 64 * MIB
    assert decode_columns(table, ["y"]) == table


@given(
    st.lists(
        st.none() | st.lists(st.none() | st.sampled_from(["", "a", "a longer text than a view holds"]), max_size=4),
        max_size=9,
    ),
    st.integers(0, 3),
)
def test_lists_of_encoded_texts_keep_their_cells(cells: Any, begin: int) -> None:
    for kind in (pa.list_view(pa.dictionary(pa.int32(), pa.string())), pa.large_list_view(pa.string_view())):
        column: Any = pa.array([["first"], *cells], kind).slice(min(begin, len(cells)))
        assert decoded(column).to_pylist() == column.to_pylist()


def test_services_decode_without_pandas() -> None:
    program = (
        "import sys, pyarrow as pa; from schemas.tables.encodings import decode_columns; "
        "x = pa.DictionaryArray.from_buffers(pa.dictionary(pa.int8(), pa.string()), 2, "
        "[None, pa.py_buffer(bytes(2))], pa.Array.from_buffers(pa.string(), 1, "
        "[None, pa.py_buffer(bytes((0, 0, 0, 0, 1, 0, 0, 0))), pa.py_buffer(b'a')])); "
        "lists = pa.Array.from_buffers(pa.list_view(x.type), 1, "
        "[None, pa.py_buffer(bytes(4)), pa.py_buffer(bytes((2, 0, 0, 0)))], children=[x]); "
        "table = decode_columns(pa.Table.from_arrays([lists], ['x']), ['x']); "
        "print(table['x'].to_pylist(), 'pandas' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[['a', 'a']] False"
