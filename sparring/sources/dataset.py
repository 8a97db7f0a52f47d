"""Datasets whose rows hold encoded images: opened, their files in order, their cells."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.dataset as ds

from schemas.errors import SparringError
from sparring.sources.store import Store, asking, is_remote, plain

IMAGE_FIELD: Final = "bytes"
"""Of a column of structs: how datasets of pictures are often published."""


def open_rows(uri: str, written_as: Literal["parquet", "arrow"]) -> Any:
    """The dataset, of a folder, a file, or a URI of pyarrow.fs. Errors as of `reading`."""
    path, files = uri, None
    if is_remote(uri):
        store = Store.of(uri)
        store.info()  # it knows why nothing is there
        path, files = store.path, store.files
    with reading(uri, written_as):
        return ds.dataset(path, filesystem=files, format=written_as)


def in_order(dataset: Any) -> list[Any]:
    """Its files, as their rows are numbered: by their names."""
    return sorted(dataset.get_fragments(), key=lambda one: str(one.path))


def is_image(kind: Any) -> bool:
    """Whether a column of this type holds encoded images."""
    if pa.types.is_struct(kind):
        return any(field.name == IMAGE_FIELD and is_image(field.type) for field in kind)
    if pa.types.is_dictionary(kind):
        return is_image(kind.value_type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def image_of(cell: Any) -> bytes | None:
    """The image in a cell of such a column; None where there is none."""
    found: bytes | None = cell.get(IMAGE_FIELD) if isinstance(cell, dict) else cell
    return found


@contextlib.contextmanager
def reading(uri: str, written_as: Literal["parquet", "arrow"]) -> Iterator[None]:
    """Errors of the store, and of files that are none of the dataset's."""
    try:
        with asking(uri) if is_remote(uri) else contextlib.nullcontext():
            yield
    except pa.ArrowInvalid as error:
        raise SparringError(f"{shown_uri(uri)} is no {written_as} dataset: {error}") from error


def shown_uri(uri: str) -> str:
    """The path, or a store's URI without user and options."""
    return plain(uri) if is_remote(uri) else uri
