"""Tables of few bytes that would take much, one per way in which that was possible. Pure."""

import struct
from functools import cache
from random import Random
from typing import Any, Final

import pyarrow as pa

from schemas.limits import COLUMNS_MAX, KIB, MIB
from tests.fuzz.tables import written

_MOST: Final = 2**31 - 1
_TENSOR: Final = pa.array([[1.0, 2.0]], pa.list_(pa.float32()))


def hash_key(rng: Random) -> bytes:
    """Its column `shop` has one cell: of two thousand million nulls, of hundreds of megabytes, of a long text."""
    return _hash_key(rng.randrange(4))


@cache
def _hash_key(which: int) -> bytes:
    made: list[Any] = [
        lambda: _listed(pa.nulls(_MOST)),
        lambda: _listed(_zeros(pa.int8(), 200 * MIB)),
        lambda: pa.array(["\N{GRINNING FACE}" * (16 * MIB)]),
        lambda: _listed(pa.array(["a" * (64 * MIB)])),
    ]
    return written(pa.table({"tensor": _TENSOR, "shop": made[which]()}), "zstd")


def model_input(rng: Random) -> bytes:
    """Its column `tensor` would be an array of gigabytes, or one without cells whose other dimensions are huge."""
    return _model_input(rng.randrange(5))


@cache
def _model_input(which: int) -> bytes:
    made: list[Any] = [
        lambda: _listed(_fixed(_MOST, 0)),
        lambda: _fixed(1, 0, pa.array([], pa.list_(pa.float32(), _MOST))),
        lambda: _listed(_zeros(pa.bool_(), 25 * MIB)),
        lambda: _listed(_zeros(pa.int8(), 200 * MIB)),
        lambda: _listed(pa.array([""] * (5 * MIB))),
    ]
    return written(pa.table({"tensor": made[which](), "shop": ["a"]}), "zstd")


def _listed(values: Any) -> Any:
    """All of them in the list of one row."""
    return pa.Array.from_buffers(
        pa.list_(values.type), 1, [None, pa.py_buffer(struct.pack("<ii", 0, len(values)))], children=[values]
    )


def _fixed(count: int, size: int, values: Any = None) -> Any:
    """So many lists of this size."""
    inner = pa.array([], pa.float32()) if values is None else values
    return pa.Array.from_buffers(pa.list_(inner.type, size), count, [None], children=[inner])


def _zeros(kind: Any, size_bytes: int) -> Any:
    count = size_bytes * 8 // kind.bit_width
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(bytes(size_bytes))])


def compressed_in_the_old_way(rng: Random) -> bytes:
    """As Arrow 0.17 did it: each buffer by itself, and only the message's own metadata says so."""
    return _compressed_in_the_old_way(rng.choice((1, 300)) * MIB)


@cache
def _compressed_in_the_old_way(size: int) -> bytes:
    codec: Any = "zstd"
    unpacked = bytes(size)
    packed = struct.pack("<q", len(unpacked)) + pa.compress(unpacked, codec, asbytes=True)
    column = pa.Array.from_buffers(pa.int8(), len(packed), [None, pa.py_buffer(packed)])
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4)
    batch = pa.record_batch({"x": column})
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch, custom_metadata={b"ARROW:experimental_compression": codec.encode()})
    return bytes(sink.getvalue())


def growing_dictionary(rng: Random) -> bytes:
    """Each batch adds a megabyte to a dictionary, and would keep all that came before."""
    return _growing_dictionary(rng.choice((2, 12)))


@cache
def _growing_dictionary(batches: int) -> bytes:
    words = [f"{number:04}" * (MIB // 4) for number in range(batches)]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True, compression="zstd")
    kind = pa.dictionary(pa.int32(), pa.string())
    with pa.ipc.new_stream(sink, pa.schema({"tensor": kind}), options=options) as writer:
        for known in range(1, len(words) + 1):
            column = pa.DictionaryArray.from_arrays(pa.array([known - 1], pa.int32()), pa.array(words[:known]))
            writer.write_batch(pa.record_batch({"tensor": column}))
    return bytes(sink.getvalue())


def of_many_columns(rng: Random) -> bytes:
    """Hundreds of thousands of columns side by side or in each other; or fields and texts that are one and the same."""
    return rng.choice((_wide, _nested_wide, _one_field_many_times, _one_text_many_times, _json_wide))()


@cache
def _wide() -> bytes:
    names = [f"c{number}" for number in range(COLUMNS_MAX + 1)]
    return written(pa.Table.from_arrays([pa.nulls(1)] * len(names), names=[*names[:-1], "c0"]), None)


@cache
def _nested_wide() -> bytes:
    inner = pa.struct([(f"c{number}", pa.null()) for number in range(COLUMNS_MAX + 1)])
    return written(pa.table({"tensor": pa.nulls(1, inner)}), None)


@cache
def _json_wide() -> bytes:
    return b"[{" + b",".join(b'"%d":0' % number for number in range(COLUMNS_MAX + 1)) + b"}]"


def _one_field_many_times() -> bytes:
    """A struct of two, which both are the same struct of two, and so on, thirty deep."""
    return _schema(depth=30)


def _one_text_many_times() -> bytes:
    """A megabyte of text, which a thousand pairs of metadata all have."""
    return _schema(text_bytes=MIB, pairs=1000)


@cache
def _schema(depth: int = 0, text_bytes: int = 0, pairs: int = 0) -> bytes:
    """A stream of one schema, put together as a flatbuffer by hand."""
    import flatbuffers  # noqa: PLC0415  # onnxruntime's own

    builder: Any = flatbuffers.Builder(1024)
    name = builder.CreateString("f")
    text = builder.CreateString("x" * text_bytes)

    def table(fields: int, *slots: tuple[str, int, int]) -> int:
        builder.StartObject(fields)
        for kind, slot, value in slots:
            getattr(builder, f"Prepend{kind}Slot")(slot, value, 0)
        return int(builder.EndObject())

    def vector(offsets: list[int]) -> int:
        builder.StartVector(4, len(offsets), 4)
        for offset in offsets:
            builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())

    null, struct_ = table(0), table(0)
    offset = "UOffsetTRelative"
    field = table(7, (offset, 0, name), ("Uint8", 2, 1), (offset, 3, null), (offset, 5, vector([])))
    for _ in range(depth):
        children = vector([field, field])
        field = table(7, (offset, 0, name), ("Uint8", 2, 13), (offset, 3, struct_), (offset, 5, children))
    said = vector([table(2, (offset, 0, text), (offset, 1, text))] * pairs)
    schema = table(4, (offset, 1, vector([field])), (offset, 2, said))
    builder.Finish(table(5, ("Int16", 0, 4), ("Uint8", 1, 1), (offset, 2, schema)))
    metadata = bytes(builder.Output())
    metadata += bytes(-len(metadata) % 8)
    return struct.pack("<ii", -1, len(metadata)) + metadata + struct.pack("<ii", -1, 0)


def json_of_one_long_text(rng: Random) -> bytes:
    """One long text among short ones: as an array of equal widths they would take gigabytes."""
    rows = [b"x" * rng.randrange(500_000, 1_000_000), *[b"a"] * 1000]
    column = rng.choice((b"shop", b"note"))
    return b"[" + b",".join(b'{"tensor": [1, 2], "%s": "%s"}' % (column, row) for row in rows) + b"]"


def json_of_objects(rng: Random) -> bytes:
    """Objects whose keys all differ: as a table they would have a cell for each key and object."""
    count = rng.choice((10, 4_000, 40_000))
    return b'[{"tensor":[' + b",".join(b'{"k%d":1}' % number for number in range(count)) + b"]}]"


def json_of_lists(rng: Random) -> bytes:
    """Millions of empty lists, alone or beside nulls."""
    return _json_of_lists(rng.choice((b"[]", b"[],null", b"[],[0]", b"[[],[[]]]")), 256 * KIB)


@cache
def _json_of_lists(unit: bytes, size: int) -> bytes:
    return b'[{"tensor":[' + b",".join([unit] * (size // (len(unit) + 1))) + b"]}]"
