"""What an Arrow IPC stream unpacks to, read from its messages before any of them is unpacked.

A compressed buffer begins with the length that it will have: a few bytes can claim gigabytes. Buffers of a batch may
also lie over each other. Both are counted here as they would come out. The layout is the format's own
(Message.fbs, Schema.fbs of Apache Arrow); pyarrow shows a message's bytes, but not these fields.
"""

import struct
from typing import Final

import pyarrow as pa

_HEADER: Final = 2
"""Of the table Message: the record batch, or the dictionary."""

_DICTIONARY_BATCH: Final = 1
_BATCH_ROWS: Final = 0
_BATCH_BUFFERS: Final = 2
_BATCH_COMPRESSION: Final = 3
_NOT_COMPRESSED: Final = -1
"""A buffer that would not have become smaller says so instead of its length."""

_BUFFER: Final = struct.Struct("<qq")
_LENGTH: Final = struct.Struct("<q")


def stream_of(value: bytes) -> pa.Buffer:
    """The IPC stream in `value`: as it is, or as it lies in an IPC file, between its magic and its footer.

    Raises:
        ValueError: it ends where a file's footer should be.
    """
    buffer = pa.py_buffer(value)
    if not value.startswith(b"ARROW1"):
        return buffer
    if len(value) < 18 or not value.endswith(b"ARROW1"):  # magic, padding, length of the footer, magic
        raise ValueError("an IPC file that does not end as one: it was cut")
    (footer,) = struct.unpack_from("<i", value, len(value) - 10)
    end = len(value) - 10 - footer
    if not 8 <= end <= len(value) - 10:
        raise ValueError(f"an IPC file of {len(value)} bytes whose footer has {footer}")
    return buffer.slice(8, end - 8)


def unpacked(stream: pa.Buffer) -> tuple[int, int]:
    """Bytes and rows that the record batches and dictionaries of a stream claim to have once they are unpacked.

    Raises:
        ValueError, pyarrow.ArrowException, OSError: it is no stream.
    """
    size, rows = 0, 0
    for message in pa.ipc.MessageReader.open_stream(stream):
        if message.type not in {"record batch", "dictionary"}:
            continue
        body = message.body
        try:
            batch = _Table.root(message.metadata.to_pybytes()).table(_HEADER)
            if message.type == "dictionary":
                batch = batch.table(_DICTIONARY_BATCH)
            size += _buffers_bytes(batch, body if body is not None else pa.py_buffer(b""))
            rows = max(rows, batch.number(_BATCH_ROWS)) if message.type == "dictionary" else rows + batch.number(0)
        except struct.error as error:
            raise ValueError(f"a {message.type} that points outside itself") from error
    return size, rows


def _buffers_bytes(batch: "_Table", body: pa.Buffer) -> int:
    compressed = batch.has(_BATCH_COMPRESSION)
    size = 0
    for offset, length in batch.structs(_BATCH_BUFFERS, _BUFFER):
        if not (offset >= 0 and length >= 0 and offset + length <= body.size):
            raise ValueError(f"a buffer at {offset} of {length} bytes in a body of {body.size}")
        claimed = length
        if compressed and length >= _LENGTH.size:
            (claimed,) = _LENGTH.unpack(body.slice(offset, _LENGTH.size).to_pybytes())
        if claimed < _NOT_COMPRESSED:
            raise ValueError(f"a compressed buffer that claims {claimed} bytes")
        size += length if claimed == _NOT_COMPRESSED else claimed
    return size


class _Table:
    """One table of a flatbuffer; a table of offsets says what stands where. Reading outside the bytes: struct.error."""

    def __init__(self, content: bytes, at: int) -> None:
        if at < 0:
            raise struct.error("before the beginning")
        self._content = content
        self._at = at
        self._fields = at - self._read("<i", at)
        if self._fields < 0:
            raise struct.error("before the beginning")

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        """The table that the flatbuffer is."""
        return cls(content, struct.unpack_from("<I", content, 0)[0])

    def has(self, field: int) -> bool:
        """Whether the field is there."""
        return self._place(field) is not None

    def number(self, field: int) -> int:
        """A field of 64 bits; 0 where it is absent."""
        place = self._place(field)
        return 0 if place is None else self._read("<q", place)

    def table(self, field: int) -> "_Table":
        """The table that a field leads to; struct.error where it is absent."""
        place = self._place(field)
        if place is None:
            raise struct.error("no such field")
        return _Table(self._content, place + self._read("<I", place))

    def structs(self, field: int, layout: struct.Struct) -> list[tuple[int, ...]]:
        """The elements of a vector of structs; none where it is absent."""
        place = self._place(field)
        if place is None:
            return []
        vector = place + self._read("<I", place)
        end = vector + 4 + self._read("<I", vector) * layout.size
        if end > len(self._content):
            raise struct.error("a vector that is longer than its message")
        return list(layout.iter_unpack(self._content[vector + 4 : end]))

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._read("<H", self._fields):
            return None
        offset = self._read("<H", self._fields + entry)
        return self._at + offset if offset else None

    def _read(self, layout: str, at: int) -> int:
        if at < 0:
            raise struct.error("before the beginning")
        return int(struct.unpack_from(layout, self._content, at)[0])
