"""Tables as nobody should send them: Arrow IPC and JSON. Pure."""

import struct
from functools import cache
from random import Random
from typing import Any, Final

import numpy as np
import pyarrow as pa

_CODECS: Final[tuple[Any, ...]] = (None, "zstd", "lz4")


def good(rng: Random) -> bytes:
    """A table that the model takes, as a stream or a file, compressed or not."""
    rows = rng.randrange(1, 20)
    columns: dict[str, Any] = {
        "tensor": pa.array([[rng.random(), rng.random()] for _ in range(rows)], pa.list_(pa.float32())),
        "shop": pa.array([f"shop-{rng.randrange(5)}" for _ in range(rows)]),
    }
    return written(pa.table(columns), rng.choice(_CODECS), as_file=rng.random() < 0.3)


def truncated(rng: Random) -> bytes:
    """Cut before its last batch ends: what is left of a stream behind it nobody misses."""
    value = good(rng)
    return value[: rng.randrange(4, len(value) // 2)]


def of_false_lengths(rng: Random) -> bytes:
    """Some aligned number in it says something else."""
    content = bytearray(good(rng))
    for _ in range(rng.choice((1, 2, 4))):
        at = 4 * rng.randrange(len(content) // 4 - 1)
        said = rng.choice((0, 1, -1, 2**31 - 1, -(2**31), 2**16, len(content)))
        content[at : at + 4] = struct.pack("<i", said)
    return bytes(content)


def bomb(rng: Random) -> bytes:
    """Some kilobytes that unpack to hundreds of megabytes."""
    return _bomb(rng.choice(("zstd", "lz4")), rng.choice((300, 600)))


@cache
def _bomb(codec: str, mib: int) -> bytes:
    zeros = np.zeros(mib * 2**18, np.float32)
    memory: Any = zeros  # it has the buffer protocol; the stubs of pyarrow do not know it
    column: pa.Array[Any] = pa.Array.from_buffers(pa.float32(), len(zeros), [None, pa.py_buffer(memory)])
    return written(pa.table({"tensor": column}), codec)


def of_odd_types(rng: Random) -> bytes:
    """A type that is no tensor, nulls, names that stand twice, nested lists of no length."""
    made: list[Any] = [
        pa.array([[1.0, None]], pa.list_(pa.float32())),
        pa.array([None], pa.list_(pa.float32())),
        pa.nulls(1),
        pa.array([[[[[1.0]]]]]),
        pa.array([{"a": 1}]),
        pa.array(["x"]).dictionary_encode(),
        pa.array([b"\xff\xfe"], pa.binary()),
        pa.array([2**62], pa.int64()),
        pa.array([2**62], pa.timestamp("us")),
        pa.array([[]], pa.list_(pa.float32())),
        pa.array([[float("nan"), float("inf")]], pa.list_(pa.float32())),
        pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0], pa.float32()), 2),
        pa.RunEndEncodedArray.from_arrays(pa.array([2**30], pa.int32()), pa.array([1.0])),
        pa.array([True]),
    ]
    column = rng.choice(made)
    name = rng.choice(("tensor", "tensor", "shop", "", "tensor\0"))
    names, columns = [name], [column]
    if rng.random() < 0.3:
        names, columns = [name, name], [column, column]
    return written(pa.Table.from_arrays(columns, names=names), rng.choice((None, "zstd")))


def of_many_rows(rng: Random) -> bytes:
    """More rows than a request may have, in few bytes."""
    kind = rng.choice((pa.int8(), pa.null(), pa.struct([]), pa.list_(pa.float32(), 0)))
    rows = rng.choice((100_001, 1_000_000)) if kind == pa.int8() else 2**31 - 1
    return written(pa.table({"tensor": _column(kind, rows)}), rng.choice(_CODECS))


def _column(kind: Any, rows: int) -> Any:
    """So many rows of a type that takes no room, or one byte each."""
    if kind == pa.int8():
        return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(bytes(rows))])
    children = [pa.array([], pa.float32())] if pa.types.is_fixed_size_list(kind) else []
    return pa.Array.from_buffers(kind, rows, [None], children=children)


def good_json(rng: Random) -> bytes:
    """Records that the model takes."""
    record = f'{{"tensor": [{rng.random()}, {rng.random()}], "shop": "shop-{rng.randrange(5)}"}}'
    return f"[{', '.join([record] * rng.randrange(1, 20))}]".encode()


def json_truncated(rng: Random) -> bytes:
    """Cut somewhere."""
    value = good_json(rng)
    return value[: rng.randrange(1, len(value) - 1)]


def json_deep(rng: Random) -> bytes:
    """Lists in lists, or objects in objects."""
    depth = rng.choice((33, 65, 100, 900, 5_000, 200_000))
    if rng.random() < 0.5:
        return b'[{"tensor": ' + b"[" * depth + b"1" + b"]" * depth + b"}]"
    return b'[{"tensor": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}]"


def json_odd(rng: Random) -> bytes:
    """JSON that is no table of numbers, or none that fits."""
    return rng.choice(
        (
            b"[]",
            b"{}",
            b"null",
            b"[[]]",
            b"[{}]",
            b'[{"tensor": []}]',
            b'[{"tensor": [1, "2"]}]',
            b'[{"tensor": [1, 2]}, {"tensor": [1]}]',
            b'[{"tensor": [1, 2], "tensor": [3, 4]}]',
            b'[{"tensor": [NaN, 1]}]',
            b'[{"tensor": [1e400, -1e400]}]',
            b'[{"tensor": [123456789012345678901234567890, 1]}]',
            b'[{"tensor": [null, null]}]',
            b'[{"tensor": [true, false]}]',
            b'[{"tensor": "\xff\xfe"}]',
            b'[{"tensor": "\\ud800"}]',
            b'[{"\\u0000": [1, 2]}]',
            b"\xef\xbb\xbf[]",
            b"[" + b"{}," * rng.randrange(1, 200_000) + b"{}]",
            b'[{"tensor": [' + b"1," * rng.randrange(1, 300_000) + b"1]}]",
            b'[{"' + b"x" * 100_000 + b'": [1, 2]}]',
            b" " * 100_000 + b'[{"tensor": [1, 2]}]',
        )
    )


def written(table: pa.Table, codec: Any, *, as_file: bool = False) -> bytes:
    """A table as Arrow IPC."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=codec)
    open_new = pa.ipc.new_file if as_file else pa.ipc.new_stream
    with open_new(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
