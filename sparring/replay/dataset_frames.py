"""Rows of a Parquet or Arrow dataset as frames: encoded images as they are, tensors as a table of one row."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa

from schemas.errors import Refused
from schemas.frames import ARROW, content_type
from schemas.tables.encodings import decode_columns
from schemas.tables.read import encode_table
from sparring.dataset.outputs import FrameFacts
from sparring.replay.frame import ReplayFrame, UnreadableFrame
from sparring.replay.source import DatasetFrames
from sparring.sources.dataset import IMAGE_FIELD, image_of, in_order, is_image, open_rows, reading, shown_uri

_ROWS_AT_ONCE: Final = 16


def count_rows(source: DatasetFrames) -> int:
    """How many frames there are. Refused, saying what is expected, where the columns are not there or of no use."""
    found = open_rows(source.uri, source.format)
    kind = _kind(found.schema, source)
    if not is_image(kind) and not _holds_tensors(kind):
        raise Refused(
            "WrongDtype",
            f"column {source.column!r} of {shown_uri(source.uri)} is {kind}; expected encoded images (binary, or a "
            f"struct with a field {IMAGE_FIELD!r}) or tensors (lists of numbers)",
            "read",
        )
    with reading(source.uri, source.format):
        return int(found.count_rows())


def frames_of_rows(source: DatasetFrames) -> Iterator[ReplayFrame | UnreadableFrame]:
    """The rows as frames, in the order of the files' names and of the rows in them. A cell that is null, or no
    image, is `UnreadableFrame`.

    Raises:
        OSError: it cannot be read.
        SparringError: it is no such dataset.
    """
    found = open_rows(source.uri, source.format)
    with reading(source.uri, source.format):
        yield from _frames(source, found)


def _holds_tensors(kind: Any) -> bool:
    return bool(pa.types.is_nested(kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind))


def _frames(source: DatasetFrames, found: Any) -> Iterator[ReplayFrame | UnreadableFrame]:
    columns = [source.column, *([source.key_column] if source.key_column else [])]
    number = 0
    for fragment in in_order(found):
        for batch in fragment.to_batches(
            columns=columns, batch_size=_ROWS_AT_ONCE, batch_readahead=1, fragment_readahead=1
        ):
            for row in range(batch.num_rows):
                yield _read(source, batch.slice(row, 1), number)
                number += 1


def _read(source: DatasetFrames, row: pa.RecordBatch, number: int) -> ReplayFrame | UnreadableFrame:
    try:
        return _frame(source, row, number)
    except Refused as error:
        return UnreadableFrame(number, f"{shown_uri(source.uri)}#{number}: {error.message}")


def _frame(source: DatasetFrames, row: pa.RecordBatch, number: int) -> ReplayFrame:
    name = f"{shown_uri(source.uri)}#{number}"
    column = row.column(source.column)
    if not column.is_valid()[0].as_py():
        raise Refused("MissingField", f"column {source.column!r} is null; expected a value", "read")
    if is_image(column.type):
        value = image_of(column[0].as_py())
        if value is None:
            raise Refused(
                "MissingField", f"column {source.column!r}: its {IMAGE_FIELD!r} are null; expected an image", "read"
            )
        kind = content_type(None, value)
    else:
        table = decode_columns(pa.table({source.column: column}), [source.column])  # not all of a long dictionary
        value, kind = encode_table(table), ARROW
    key = None if source.key_column is None else row.column(source.key_column)[0].as_py()
    return ReplayFrame(
        number=number,
        asked=FrameFacts(name, f"{shown_uri(source.uri)}#{quote(source.column, safe='')}#{number}", source.at),
        key=None if key is None else str(key).encode(),
        value=value,
        headers=[("content-type", kind.encode())],
    )


def _kind(schema: pa.Schema, source: DatasetFrames) -> Any:
    for name in (source.column, source.key_column):
        if name is not None and name not in schema.names:
            raise Refused(
                "MissingField",
                f"{shown_uri(source.uri)} has no column {name!r}; it has {', '.join(schema.names)}",
                "read",
            )
    return schema.field(source.column).type
