"""Every decoder, on what nobody should send: it decodes or it refuses, and raises nothing else."""

import json
from contextlib import suppress
from itertools import count
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.route import expires_at, route
from schemas.catalog import decode_record
from schemas.errors import Refused
from schemas.frames import ARROW, Frame, Origin, TableType, is_table
from schemas.limits import REQUEST_ROWS_MAX, TABLE_BYTES_MAX
from schemas.models import PinnedModel
from schemas.names import ModelKey, PipelineName
from schemas.presence import decode_beat
from schemas.results import Answer
from schemas.tables.read import read_arrow, read_table
from schemas.tables.unpacked import stream_of, unpacked
from schemas.tasks import decode_slip, split_slip
from tests.fuzz.corpus import KINDS, Fuzzed, corpus
from tests.fuzz.nouns import IMAGE, TABLE, VERSION
from tests.fuzz.tables import written
from workers.inference.request_inputs import request_inputs

_OF_EACH_KIND = 40


def _read(frame: Frame, pinned: PinnedModel) -> None:
    """All that router and model process read of a frame, each whatever the other said."""
    for read in (
        frame.check_size,
        lambda: frame.pipeline,
        lambda: frame.reference,
        lambda: expires_at(frame, VERSION),
        lambda: route(frame, VERSION),
        lambda: request_inputs(frame, pinned),
    ):
        with suppress(Refused):
            read()


def test_whatever_a_frame_holds_is_decided_and_decoded_or_refused(seed: int) -> None:
    offsets = count()
    frames = list(corpus(seed, _OF_EACH_KIND * len(KINDS)))
    assert {frame.kind for frame in frames} == set(KINDS)
    for fuzzed in frames:
        _read(_frame(fuzzed, next(offsets)), IMAGE if fuzzed.reader == "image" else TABLE)


def _frame(fuzzed: Fuzzed, offset: int) -> Frame:
    """As the router has it: without headers where it cannot read the name of one."""
    headers = tuple(fuzzed.headers) if fuzzed.names_are_text else ()
    return Frame(fuzzed.key, fuzzed.value, headers, Origin("sparring.frames", 0, offset), 1_000, "TOPIC")


_NAMED: Final = [None, "image/jpeg", "image/png", "image/webp", "application/json", ARROW]


@given(st.binary(max_size=4_000), st.sampled_from(_NAMED))
def test_any_bytes_are_an_input_or_refused(value: bytes, named: str | None) -> None:
    headers = () if named is None else (("content-type", named.encode()),)
    _read(Frame(None, value, headers, Origin("t", 0, 0), 0, "TOPIC"), TABLE)


_CELL = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
_COLUMN_NAMES = st.sampled_from(["tensor", "shop", "", "x"]) | st.text(max_size=5)


@given(st.lists(_COLUMN_NAMES, max_size=4, unique=True), st.data())
def test_any_table_of_json_is_an_input_or_refused(names: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(*[_CELL] * len(names)), max_size=4))
    value = json.dumps([dict(zip(names, row, strict=True)) for row in rows]).encode()
    _read(Frame(None, value, (), Origin("t", 0, 0), 0, "TOPIC"), TABLE)


_LEAF_KINDS: list[Any] = [
    pa.null(),
    pa.bool_(),
    *(pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.float64()),
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary()),
    *(pa.timestamp("us", "Europe/Berlin"), pa.date32(), pa.decimal128(20, 2), pa.dictionary(pa.int8(), pa.string())),
]
_KINDS = st.recursive(
    st.sampled_from(_LEAF_KINDS),
    lambda inner: (
        st.builds(pa.list_, inner)
        | st.builds(pa.large_list, inner)
        | st.builds(pa.list_, inner, st.integers(0, 3))
        | st.builds(lambda kind: pa.struct([("a", kind)]), inner)
    ),
    max_leaves=3,
)


@given(
    st.lists(st.tuples(_COLUMN_NAMES, _KINDS), min_size=1, max_size=3),
    st.integers(0, 5),
    st.integers(1, 3),
    st.sampled_from([None, "lz4", "zstd"]),
    st.booleans(),
)
def test_any_table_of_arrow_is_an_input_or_refused(
    columns: list[tuple[str, Any]], rows: int, batches: int, codec: Any, as_file: bool
) -> None:
    arrays = [_of_zeros(kind, rows) for _, kind in columns]
    once = pa.Table.from_arrays(arrays, names=[name for name, _ in columns])
    value = written(pa.concat_tables([once] * batches), codec, as_file=as_file)
    _read(Frame(None, value, (), Origin("t", 0, 0), 0, "TOPIC"), TABLE)


def _of_zeros(kind: Any, rows: int) -> Any:
    """So many cells of nothing: 0, empty, or null where a type knows neither."""
    if pa.types.is_struct(kind):
        return pa.StructArray.from_arrays([_of_zeros(kind[0].type, rows)], fields=[kind[0]])
    if pa.types.is_fixed_size_list(kind):
        return (
            pa.FixedSizeListArray.from_arrays(_of_zeros(kind.value_type, rows * kind.list_size), kind.list_size)
            if kind.list_size
            else pa.Array.from_buffers(kind, rows, [None], children=[pa.array([], kind.value_type)])
        )
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets: Any = pa.array(range(rows + 1), pa.int32() if pa.types.is_list(kind) else pa.int64())
        made: Any = pa.ListArray if pa.types.is_list(kind) else pa.LargeListArray
        return made.from_arrays(offsets, _of_zeros(kind.value_type, rows))
    if pa.types.is_null(kind) or pa.types.is_dictionary(kind) or pa.types.is_decimal(kind):
        return pa.nulls(rows, kind)
    zero: Any = "" if "string" in str(kind) else b"" if pa.types.is_binary(kind) else 0
    return (
        pa.array([zero] * rows, pa.int64()).cast(kind) if pa.types.is_boolean(kind) else pa.array([zero] * rows, kind)
    )


_TEXT = st.text(max_size=40) | st.sampled_from(["ok", "error", "[]", "0", "-1", "champion", "9" * 400])
_HEADERS = st.dictionaries(
    st.text(max_size=8)
    | st.sampled_from(
        [
            "request-id",
            "status",
            "pipeline",
            "frame",
            "frame-digest",
            "published-at",
            "parts",
            "split",
            "role",
            "queued-ns",
            "decode-ns",
            "infer-ns",
            "slip",
        ]
    ),
    _TEXT.map(str.encode) | st.binary(max_size=20) | st.none(),
)


@given(st.none() | st.binary(max_size=20), st.binary(max_size=50), _HEADERS)
def test_any_record_is_an_answer_or_a_value_error(
    key: bytes | None, value: bytes, headers: dict[str, bytes | None]
) -> None:
    with suppress(ValueError):
        Answer.from_record(key, value, list(headers.items()))


@given(_HEADERS)
def test_any_headers_are_a_task_or_no_task(headers: dict[str, bytes | None]) -> None:
    with suppress(ValueError):
        split_slip(list(headers.items()))


_RECORDS = ("WorkspaceCreated", "ModelUploaded", "ModelConfigured", "PipelineVersionAdded", "LivePointer", "New")
_FIELDS = ("record", "name", "id", "model", "version", "pipeline", "steps", "at", "replaces", "tags", "workspace")
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10) | st.sampled_from(_RECORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=6),
    max_leaves=10,
)


_NO_UTF8 = b'{"record": "\xff\xfe"}'
_DEEP = b'{"record": ' + b"[" * 100_000


@given(_JSON | st.binary(max_size=60) | st.sampled_from([_NO_UTF8, _DEEP]))
def test_any_json_is_a_record_a_beat_a_slip_or_none(given_: object) -> None:
    value = given_ if isinstance(given_, bytes) else json.dumps(given_).encode()
    for decode in (decode_record, decode_beat, decode_slip):
        with suppress(ValueError):
            decode(value)


@given(st.text(max_size=60) | st.sampled_from(["a/b", "a/b@c", "t/0/1", "t/x/1", "/", "@"]))
def test_any_text_is_a_name_or_a_value_error(text: str) -> None:
    for parse in (PipelineName.parse, ModelKey.parse, Origin.parse):
        with suppress(ValueError):
            parse(text)


@given(
    st.lists(st.lists(st.floats(width=32), max_size=4), min_size=1, max_size=30),
    st.sampled_from([None, "lz4", "zstd"]),
    st.booleans(),
    st.data(),
)
def test_what_an_arrow_table_unpacks_to_is_known_before(
    rows: list[list[float]], codec: Any, as_file: bool, flips: st.DataObject
) -> None:
    table = pa.table({"tensor": pa.array(rows, pa.list_(pa.float32())), "shop": ["a"] * len(rows)})
    value = written(table, codec, as_file=as_file)
    size, counted, _columns = unpacked(stream_of(value))
    assert counted == len(rows)
    assert size >= table.nbytes - len(rows)  # an absent validity bitmap takes nothing on the wire
    spoilt = bytearray(value)
    spoilt[flips.draw(st.integers(0, len(value) - 1))] ^= 1 << flips.draw(st.integers(0, 7))
    with suppress(Refused):
        read_arrow(bytes(spoilt))


@pytest.mark.parametrize(("codec", "as_file"), [("zstd", False), ("lz4", False), ("zstd", True)])
def test_a_table_that_would_unpack_to_gigabytes_is_refused_unread(codec: Any, as_file: bool) -> None:
    zeros: Any = np.zeros(TABLE_BYTES_MAX // 4 + 1, np.float32)
    column: pa.Array[Any] = pa.Array.from_buffers(pa.float32(), len(zeros), [None, pa.py_buffer(zeros)])
    value = written(pa.table({"tensor": column}), codec, as_file=as_file)
    assert len(value) < TABLE_BYTES_MAX // 100
    before = pa.default_memory_pool().bytes_allocated()
    with pytest.raises(Refused, match=f"unpacks to {TABLE_BYTES_MAX + 4} bytes") as refused:
        read_arrow(value)
    assert refused.value.error == "TableTooLarge"
    assert pa.default_memory_pool().bytes_allocated() == before


@pytest.mark.parametrize("rows", [REQUEST_ROWS_MAX, REQUEST_ROWS_MAX + 1])
def test_a_request_has_so_many_rows_and_no_more(rows: int) -> None:
    for value in (
        written(pa.table({"tensor": pa.array([0] * rows, pa.int8())}), None),
        written(pa.table({"tensor": pa.array([str(row) for row in range(rows)]).dictionary_encode()}), None),
        _ones(rows),
    ):
        frame = Frame(None, value, (), Origin("t", 0, 0), 0, "TOPIC")
        if rows <= REQUEST_ROWS_MAX:
            assert read_table(_table_type(frame), value).num_rows == rows
            continue
        with pytest.raises(Refused, match=f"{rows} rows; expected at most {REQUEST_ROWS_MAX}"):
            read_table(_table_type(frame), value)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'["",', b"]")])
@pytest.mark.parametrize("depth", [40, 100, 900])
def test_lists_in_lists_have_a_limit(opening: bytes, closing: bytes, depth: int) -> None:
    deepest = b'[{"tensor": ' + opening * depth + b"1" + closing * depth + b"}]"
    with pytest.raises(Refused, match="an object in a cell" if b"{" in opening else "deeper than 32"):
        request_inputs(Frame(None, deepest, (), Origin("t", 0, 0), 0, "TOPIC"), TABLE)


def _ones(rows: int) -> bytes:
    return b"[" + b",".join([b'{"a":1}'] * rows) + b"]"


def _table_type(frame: Frame) -> TableType:
    kind = frame.content_type
    assert is_table(kind)
    return kind
