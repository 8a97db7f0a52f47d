"""What an Arrow IPC stream unpacks to, read from its messages before pyarrow sees any of them.

A compressed buffer begins with the length that it will have: a few bytes can claim gigabytes. Buffers of a batch, and
texts and fields of a schema, may lie over each other. All are counted here as they would come out. The layout is the
format's own (Message.fbs, Schema.fbs of Apache Arrow), whose field numbers these are.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import pyarrow as pa

from schemas.limits import COLUMNS_MAX

_CONTINUES: Final = -1
"""Before a message's length, since Arrow 0.15."""

_VERSION, _HEADER_TYPE, _HEADER, _BODY_LENGTH, _MESSAGE_METADATA = range(5)
_V5: Final = 4
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_SCHEMA_FIELDS, _SCHEMA_METADATA = 1, 2
_FIELD_NAME, _FIELD_TYPE_KIND, _FIELD_TYPE, _FIELD_CHILDREN, _FIELD_METADATA = 0, 2, 3, 5, 6
_DICTIONARY_BATCH, _DICTIONARY_IS_DELTA = 1, 2
_BATCH_ROWS, _BATCH_BUFFERS, _BATCH_COMPRESSION = 0, 2, 3

_FOOTER_SCHEMA, _FOOTER_DICTIONARIES, _FOOTER_BATCHES, _FOOTER_METADATA = 1, 2, 3, 4

_MAGIC: Final = b"ARROW1"
_CONTINUATION: Final = b"\xff\xff\xff\xff"

_VECTORS_OF_TYPES: Final = {10: (1, 1), 14: (1, 4)}
"""Of a timestamp its time zone, of a union its type ids: the field that it is, and the bytes of each element."""

_PART_BYTES: Final = 16
"""What a field, or a pair of metadata, has at least where it does not lie over another."""

_NOT_COMPRESSED: Final = -1
"""This length marks a buffer that is stored uncompressed."""

_BUFFER: Final = struct.Struct("<qq")
_LENGTH: Final = struct.Struct("<q")
_BLOCK: Final = struct.Struct("<qi4xq")
"""Of a footer: where a message begins, bytes of its metadata, bytes of its body."""


class Unpacked(NamedTuple):
    """size: bytes. columns: fields of the schema, with those in nested ones, counted until they are too many."""

    size: int
    rows: int
    columns: int


def stream_of(value: bytes) -> pa.Buffer:
    """The IPC stream in `value`: as it is, or as it lies in an IPC file, between its magic and its footer.

    Raises:
        ValueError: it ends where a file's footer should be.
    """
    buffer = pa.py_buffer(value)
    if not value.startswith(_MAGIC):
        return buffer
    if len(value) < 18 or not value.endswith(_MAGIC):  # magic, padding, length of the footer, magic
        raise ValueError("an IPC file that does not end as one: it was cut")
    (footer,) = struct.unpack_from("<i", value, len(value) - 10)
    end = len(value) - 10 - footer
    if not 8 <= end <= len(value) - 10:
        raise ValueError(f"an IPC file of {len(value)} bytes whose footer has {footer}")
    return buffer.slice(8, end - 8)


def unpacked(stream: pa.Buffer) -> Unpacked:
    """What the schema, the record batches and the dictionaries of a stream claim to have once they are unpacked.

    Raises:
        ValueError: it is no stream, or not one whose size can be known before.
    """
    return _claimed(_messages(memoryview(stream)))


def has_footer_only(value: bytes) -> bool:
    """Whether it is an IPC file that is no stream inside, because its schema stands in its footer alone, as polars
    writes it: where the first message should begin, there is none."""
    return value.startswith(_MAGIC) and value[8:12] != _CONTINUATION


def unpacked_file(value: bytes) -> Unpacked:
    """What an IPC file claims to have, by the schema and the blocks that its footer names.

    Raises:
        ValueError: as of `unpacked`, and where blocks do not follow each other.
    """
    end = len(stream_of(value)) + 8
    try:
        content = value[end : len(value) - 10]
        footer = _Table.root(content)
        room = _Room(len(content))
        room.take_pairs(footer, _FOOTER_METADATA)
        columns = _columns(footer.table(_FOOTER_SCHEMA), room)
        blocks = [footer.structs(vector, _BLOCK) for vector in (_FOOTER_DICTIONARIES, _FOOTER_BATCHES)]
    except struct.error as error:
        raise ValueError("a footer that points outside itself") from error
    claimed = _claimed(message for vector in blocks for message in _messages_of(memoryview(value)[:end], vector))
    return claimed._replace(columns=columns)


def _messages_of(value: memoryview, blocks: Sequence[tuple[int, ...]]) -> Iterator[tuple[bytes, memoryview]]:
    """Metadata and body of each block's message; as many as there are bytes for, as no two lie over each other."""
    free = 0
    for offset, metadata, body in blocks:
        end = offset + metadata + body
        if not (free <= offset and metadata > 0 and body >= 0 and end <= len(value)):
            raise ValueError(f"a block at {offset} of {metadata} and {body} bytes in a file of {len(value)}")
        yield from islice(_messages(value[offset:end]), 1)
        free = end


def _claimed(messages: Iterable[tuple[bytes, memoryview]]) -> Unpacked:
    size, rows, dictionary_rows, columns = 0, 0, 0, 0
    for metadata, body in messages:
        try:
            message = _Table.root(metadata)
            room = _Room(len(metadata))
            room.take_pairs(message, _MESSAGE_METADATA)
            if message.number(_VERSION, "<h") < _V5 and message.has(_MESSAGE_METADATA):
                raise ValueError("a message compressed as in Arrow 0.17; expected the format of Arrow 1.0 or later")
            kind, header = message.number(_HEADER_TYPE, "<B"), message.table(_HEADER)
            if kind == _SCHEMA:
                columns = max(columns, _columns(header, room))
            elif kind == _DICTIONARY:
                if header.number(_DICTIONARY_IS_DELTA, "<B"):
                    raise ValueError("a dictionary in parts (a delta); expected each whole")
                batch = header.table(_DICTIONARY_BATCH)
                size += _buffers_bytes(batch, body)
                dictionary_rows = max(dictionary_rows, batch.number(_BATCH_ROWS))
            elif kind == _BATCH:
                size += _buffers_bytes(header, body)
                rows += header.number(_BATCH_ROWS)
            else:
                raise ValueError("a message that is no schema, dictionary or record batch")
        except struct.error as error:
            raise ValueError("a message that points outside itself") from error
    return Unpacked(size, max(rows, dictionary_rows), columns)


def _messages(stream: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Metadata and body of each message."""
    at = 0
    while at + 4 <= len(stream):
        (length,) = struct.unpack_from("<i", stream, at)
        at += 4
        if length == _CONTINUES:
            if at + 4 > len(stream):
                raise ValueError("a message that was cut")
            (length,) = struct.unpack_from("<i", stream, at)
            at += 4
        if length == 0:
            return  # the stream's own end
        metadata = bytes(stream[at : at + max(0, length)])
        if length < 0 or len(metadata) < length:
            raise ValueError(f"a message of {length} bytes, of which {len(metadata)} are there")
        at += length
        try:
            body = _Table.root(metadata).number(_BODY_LENGTH)
        except struct.error as error:
            raise ValueError("a message that points outside itself") from error
        if not 0 <= body <= len(stream) - at:
            raise ValueError(f"a body of {body} bytes, of which {len(stream) - at} are there")
        yield metadata, stream[at : at + body]
        at += body


class _Room:
    """What the parts of a message may have together: as many bytes as the message, unless they lie over each other."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """ValueError where there is not so much left."""
        self._left -= size
        if self._left < 0:
            raise ValueError("a message whose parts lie over each other")

    def take_pairs(self, table: "_Table", field: int) -> None:
        """The texts of custom metadata."""
        for pair in table.tables(field):
            self.take(_PART_BYTES + pair.length(0) + pair.length(1))


def _columns(schema: "_Table", room: _Room) -> int:
    room.take_pairs(schema, _SCHEMA_METADATA)
    count, ahead = 0, [schema.tables(_SCHEMA_FIELDS)]
    while ahead and count <= COLUMNS_MAX:
        field = next(ahead[-1], None)
        if field is None:
            ahead.pop()
            continue
        count += 1
        room.take(_PART_BYTES + field.length(_FIELD_NAME))
        room.take_pairs(field, _FIELD_METADATA)
        if (vector := _VECTORS_OF_TYPES.get(field.number(_FIELD_TYPE_KIND, "<B"))) is not None:
            room.take(field.table(_FIELD_TYPE).length(vector[0]) * vector[1])
        ahead.append(field.tables(_FIELD_CHILDREN))
    return count


def _buffers_bytes(batch: "_Table", body: memoryview) -> int:
    compressed = batch.has(_BATCH_COMPRESSION)
    size = 0
    for offset, length in batch.structs(_BATCH_BUFFERS, _BUFFER):
        if not (offset >= 0 and length >= 0 and offset + length <= len(body)):
            raise ValueError(f"a buffer at {offset} of {length} bytes in a body of {len(body)}")
        claimed = length
        if compressed and length >= _LENGTH.size:
            (claimed,) = _LENGTH.unpack_from(body, offset)
        if claimed < _NOT_COMPRESSED:
            raise ValueError(f"a compressed buffer that claims {claimed} bytes")
        size += length if claimed == _NOT_COMPRESSED else claimed
    return size


class _Table:
    """One table of a flatbuffer, through its table of offsets. Reading outside the bytes: struct.error."""

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

    def number(self, field: int, layout: str = "<q") -> int:
        """A field of 64 bits, or of the given layout; 0 where it is absent."""
        place = self._place(field)
        return 0 if place is None else self._read(layout, place)

    def length(self, field: int) -> int:
        """Elements of a vector, bytes of a text; 0 where it is absent."""
        place = self._place(field)
        return 0 if place is None else self._read("<I", place + self._read("<I", place))

    def tables(self, field: int) -> Iterator["_Table"]:
        """The tables of a vector of them; none where it is absent."""
        place = self._place(field)
        if place is not None:
            vector = place + self._read("<I", place)
            for at in range(vector + 4, vector + 4 + 4 * self._read("<I", vector), 4):
                yield _Table(self._content, at + self._read("<I", at))

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
