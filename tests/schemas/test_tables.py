"""Arrow IPC and JSON records in, Arrow IPC out; whatever is neither is refused, never raised."""

import decimal
import io
import json
import subprocess
import sys
from contextlib import suppress
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from schemas.errors import Refused
from schemas.frames import ARROW, JSON, content_type
from schemas.limits import COLUMNS_MAX, TABLE_BYTES_MAX
from schemas.tables.read import encode_rows, encode_table, first_cell, read_arrow, read_records, read_table


def test_a_results_columns_keep_the_models_dtypes_and_one_row_per_input() -> None:
    value = encode_rows(
        {
            "boxes": [np.arange(8, dtype=np.float32), np.array([], np.float32)],
            "classes": [np.array([39, 1], np.int64), np.array([], np.int64)],
            "names": [np.array(["a", "b"]), np.array([], dtype=str)],
            "sure": [np.array([True, False]), np.array([], dtype=bool)],
        }
    )
    table = read_arrow(value)
    assert [str(field.type) for field in table.schema] == [
        "list<item: float>",
        "list<item: int64>",
        "list<item: string>",
        "list<item: bool>",
    ]
    assert table.to_pylist()[1] == {"boxes": [], "classes": [], "names": [], "sure": []}
    assert table.column("classes").to_pylist()[0] == [39, 1]
    assert content_type(None, value) == ARROW


def test_floats_come_back_bit_for_bit() -> None:
    row = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    column: Any = read_arrow(encode_rows({"x": [row]})).column("x").chunk(0)
    assert column.values.to_numpy().tobytes() == row.tobytes()


def test_records_are_a_table() -> None:
    table = read_records(b'[{"tensor": [1.5, 2], "shop": "a"}, {"tensor": [3, 4], "shop": "b"}]')
    assert table.to_pylist() == [{"tensor": [1.5, 2.0], "shop": "a"}, {"tensor": [3.0, 4.0], "shop": "b"}]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[",
        b"{}",
        b"[1]",
        b'[{"a": 1}, {"b": 2}]',
        b'[{"a": [1]}, {"a": 2}]',
        b"[" * 100_000,
        b'[{"a": 1e999}, {"a": "x"}]',
    ],
)
def test_json_that_is_no_list_of_records_is_refused(value: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_records(value)
    assert refused.value.error == "BadJson"


@pytest.mark.parametrize(("kind", "value"), [(JSON, b"[]"), (ARROW, encode_table(pa.table({"a": []})))])
def test_a_table_without_rows_is_refused(kind: str, value: bytes) -> None:
    with pytest.raises(Refused, match="no rows"):
        read_table(content_type(kind, value), value)  # type: ignore[arg-type]  # neither is an image


def test_the_first_cell_of_a_column_or_none() -> None:
    assert first_cell(JSON, b'[{"camera": "7"}, {"camera": "8"}]', "camera") == "7"
    assert first_cell(JSON, b'[{"camera": "7"}]', "shop") is None
    assert first_cell(ARROW, encode_table(pa.table({"p": [0.25, 0.5]})), "p") == 0.25


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    for read in (read_arrow, read_records):
        try:
            read(value)
        except Refused:
            continue


@given(st.data())
def test_a_damaged_arrow_stream_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(encode_rows({"tensor": [np.arange(16, dtype=np.float32)], "n": [np.array([1])]}))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Refused):
        read_arrow(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


def test_two_arrow_streams_in_one_value_are_refused() -> None:
    """A reader takes the first and drops the other; bytes of no stream behind it are padding."""
    one = encode_table(pa.table({"tensor": [1.0, 2.0]}))
    assert read_arrow(one + bytes(8)).num_rows == read_arrow(one[:-8]).num_rows == 2
    with pytest.raises(Refused, match="another stream follows the first") as refused:
        read_arrow(one + one)
    assert refused.value.error == "BadArrow"


def test_json_numbers_are_read_without_pandas() -> None:
    """Its import would take a service a second, in the middle of its first frame."""
    program = (
        "import sys; from schemas.tables.read import read_records; "
        'table = read_records(b\'[{"x": [[1, 2.5]], "n": 3}]\'); '
        "print(table.schema.field('x').type, table.schema.field('n').type, 'pandas' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "list<item: list<item: double>> int64 False"


@pytest.mark.parametrize(
    "cells", [[1, 2], [1.5, 2], [[1, 2], [3, 4]], [[[1.0]], [[2.0]]], [[1], [2, 3]], ["a"], [True], [[]], [None, 1]]
)
def test_a_column_of_json_is_as_arrow_itself_would_have_it(cells: list[object]) -> None:
    read = read_records(json.dumps([{"x": cell} for cell in cells]).encode()).column("x").combine_chunks()
    assert read.equals(pa.array(cells))


def _written(options: pa.ipc.IpcWriteOptions | None = None, said: dict[bytes, bytes] | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table(
        {"x": pa.array(["a", "b"] * 50).dictionary_encode(), "at": pa.array([1] * 100, pa.timestamp("s", "UTC"))}
    )
    table = table.replace_schema_metadata({"pandas": "{}" * 100})
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        for batch in table.to_batches(max_chunksize=10):
            writer.write_batch(batch, custom_metadata=said)
    return bytes(sink.getvalue())


def _by_polars(compression: Any) -> bytes:
    sink = io.BytesIO()
    columns = {"x": ["a", "b"] * 50, "y": pl.Series(["a", "b"] * 50, dtype=pl.Categorical), "z": [[1.0, 2.0]] * 100}
    pl.DataFrame(columns).write_ipc_stream(sink, compression=compression)
    return sink.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        _written(),
        _written(pa.ipc.IpcWriteOptions(compression="zstd")),
        _written(pa.ipc.IpcWriteOptions(compression="lz4"), {b"whose": b"own"}),
        _written(pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4, use_legacy_format=True)),
        _by_polars("uncompressed"),
        _by_polars("zstd"),
    ],
    ids=["plain", "zstd", "lz4 with metadata", "before Arrow 0.15", "polars", "polars zstd"],
)
def test_what_ordinary_writers_write_is_read(value: bytes) -> None:
    assert read_arrow(value)["x"].to_pylist() == ["a", "b"] * 50


def test_a_table_of_thousands_of_columns_is_read_at_once_and_of_one_name_twice_refused() -> None:
    names = [f"c{number}" for number in range(COLUMNS_MAX)]
    wide = pa.Table.from_arrays([pa.nulls(1)] * COLUMNS_MAX, names=names)
    assert read_arrow(encode_table(wide)).num_columns == COLUMNS_MAX
    with pytest.raises(Refused, match="column 'c7' stands twice"):
        read_arrow(encode_table(wide.rename_columns(["c7", *names[1:]])))


def test_a_list_beside_a_null_is_a_list() -> None:
    read = read_records(b'[{"x": [1, 2]}, {"x": null}, {"x": [[]]}]'.replace(b"[[]]", b"[]"))
    assert read["x"].to_pylist() == [[1, 2], None, []]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([2**53 + 1, -5], pa.int64()),
        ([2**63 - 1, -(2**63)], pa.int64()),
        ([2**63, 5], pa.uint64()),
        ([2**64 - 1], pa.uint64()),
        ([2**53, 0.5], pa.float64()),
        ([2**60, 0.5, 7], pa.float64()),
        ([-0.0, 5e-324, 1.7976931348623157e308], pa.float64()),
        ([2**53 + 1, None], pa.int64()),
        ([2**63, None], pa.uint64()),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_numbers_of_json_keep_their_value(cells: list[Any], kind: Any, nested: bool) -> None:
    value = json.dumps([{"x": [cells]}] if nested else [{"x": cell} for cell in cells]).encode()
    column = read_records(value)["x"]
    assert column.type == (pa.list_(pa.list_(kind)) if nested else kind)
    found: Any = column.to_pylist()[0] if nested else [column.to_pylist()]
    assert list(map(repr, found[0])) == [
        repr(None if cell is None else kind.to_pandas_dtype()(cell).item()) for cell in cells
    ]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [2**53 + 1, 0.5],
            "a column has 9007199254740993; expected whole numbers that float64 holds, beside fractions",
        ),
        ([2**53 + 1, 0.5, None], "9007199254740993"),
        ([2**63, -1], "a column has 9223372036854775808; expected whole numbers of 64 bits"),
        ([2**64], "a column has 18446744073709551616; expected whole numbers of 64 bits"),
        ([2**64, None], "a whole number beyond 64 bits; expected it as text"),
        ([-1, 2**63, None], "a whole number beyond 64 bits; expected it as text"),
    ],
)
def test_numbers_of_json_that_no_column_holds_are_refused(cells: list[Any], message: str) -> None:
    for value in ([{"x": cell} for cell in cells], [{"x": cells}]):
        with pytest.raises(Refused, match=message) as refused:
            read_records(json.dumps(value).encode())
        assert refused.value.error == "BadJson"


ENCODED = {
    "dictionary": pa.array(["7", "8"]).dictionary_encode(),
    "view": pa.array(["7", "8"], pa.string_view()),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["7"])),
    "list of one": pa.array([["7"], []], pa.list_view(pa.dictionary(pa.int8(), pa.string()))),
    "json": pa.ExtensionArray.from_storage(pa.json_(pa.string()), pa.array(["7", "8"])),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_the_first_cell_of_an_encoded_column_is_what_it_stands_for(kind: str) -> None:
    assert first_cell(ARROW, encode_table(pa.table({"camera": ENCODED[kind]})), "camera") == "7"


def test_the_first_cell_of_an_encoded_column_may_be_missing_or_a_number() -> None:
    for column, expected in ((pa.array([None, "a"]), None), (pa.array([0.25, 0.5], pa.float16()), 0.25)):
        cell = first_cell(ARROW, encode_table(pa.table({"camera": column.dictionary_encode()})), "camera")
        assert cell == expected
        assert type(cell) is type(expected)


FRAMES = {
    "text": pl.DataFrame({"x": ["a", None, "longer than a view holds"]}),
    "categories": pl.DataFrame({"x": pl.Series(["a", "b", "a"], dtype=pl.Categorical)}),
    "lists": pl.DataFrame({"x": [[1.5], [2.5, 3.5], []]}),
    "decimals": pl.DataFrame({"x": [decimal.Decimal("1.5")] * 3}),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("codec", ["uncompressed", "lz4", "zstd"])
@pytest.mark.parametrize("write", ["write_ipc", "write_ipc_stream"])
def test_what_polars_writes_is_read(kind: str, codec: Any, write: str) -> None:
    sink = io.BytesIO()
    getattr(FRAMES[kind], write)(sink, compression=codec)
    assert read_arrow(sink.getvalue())["x"].to_pylist() == FRAMES[kind]["x"].to_list()


@pytest.mark.parametrize("codec", ["uncompressed", "lz4", "zstd"])
def test_feather_files_of_several_batches_are_read(codec: Any) -> None:
    sink = io.BytesIO()
    table = pa.table({"x": pa.array(["a", "b", "a", "c"]).dictionary_encode(), "y": [[1.5], [], [2.5], None]})
    feather.write_feather(table, sink, compression=codec, chunksize=2)
    assert read_arrow(sink.getvalue()) == table


def test_a_file_of_polars_is_counted_before_it_is_read() -> None:
    sink = io.BytesIO()
    pl.DataFrame({"x": np.zeros(TABLE_BYTES_MAX // 8 + 1)}).write_ipc(sink, compression="zstd")
    with pytest.raises(Refused, match="the table unpacks to 268") as refused:
        read_arrow(sink.getvalue())
    assert refused.value.error == "TableTooLarge"


@given(st.data())
def test_a_damaged_file_of_polars_is_read_or_refused(data: st.DataObject) -> None:
    sink = io.BytesIO()
    FRAMES["categories"].write_ipc(sink)
    whole = bytearray(sink.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Refused):
        read_arrow(bytes(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))]))
