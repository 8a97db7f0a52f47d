"""What a user gives to `infer`, as the bytes of a frame. Checked as far as it can be before it is sent."""

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from adapters.images.files import check_one_picture
from schemas.errors import Refused
from schemas.frames import ARROW, content_type
from schemas.json_text import check_fields, decode_records
from schemas.limits import FRAME_BYTES_MAX, REFERENCE_BYTES_MAX
from schemas.models import PinnedModel, TensorSpec
from schemas.pipelines import PipelineVersion, RandomSplit, step_models
from schemas.tables.encodings import decode_columns
from schemas.tables.fitting import fit_table
from schemas.tables.read import column_of, encode_table, read_arrow, read_table
from schemas.wiring import wire_request
from sparring.checks import checked_file
from sparring.sources.errors import check_bytes

_NESTED: Final = 2
_EXACT_IN_FLOAT64: Final = 2**53
"""The largest whole number up to which float64 holds all."""


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded image, as a camera would send it."""

    value: bytes
    content_type: str


Request = pd.DataFrame | pa.Table | Image


def read_request(path: str | os.PathLike[str]) -> pd.DataFrame | pa.Table:
    """The request in a file: `.arrow` is Arrow IPC, `.json` a list of records."""
    where = checked_file("path", path)
    content = where.read_bytes()
    if where.suffix == ".arrow":
        try:
            return read_arrow(content)
        except Refused as error:
            raise ValueError(f"path: {where}: {error.message}") from error
    if where.suffix == ".json":
        try:
            return _from_records(decode_records(content))
        except ValueError as error:
            raise ValueError(f"path: {where} is not a JSON list of records: {error}") from error
    raise ValueError(f"path: {where}; expected a file that ends in .arrow or .json")


def _from_records(records: list[dict[str, Any]]) -> pd.DataFrame:
    """A column for each field. A null stays one: pandas would make it a NaN, which a model takes. A whole number beside
    fractions is not rounded. ValueError where a record has other fields than the first."""
    check_fields(records)
    columns = {name: [record[name] for record in records] for name in (records[0] if records else ())}
    return pd.DataFrame(
        {name: pd.Series(cells, dtype=object) if _is_changed(cells) else cells for name, cells in columns.items()}
    )


def _is_changed(cells: list[Any]) -> bool:
    """Whether pandas, left to choose the type, may change one of these cells."""
    kinds = set(map(type, cells))
    mixes = {int, float} <= kinds
    return None in cells or (mixes and any(type(cell) is int and abs(cell) > _EXACT_IN_FLOAT64 for cell in cells))


def read_image(image: object) -> Image:
    """A path, the bytes of an image, or a uint8 array (RGB), which is encoded as PNG."""
    if isinstance(image, np.ndarray):
        return png_of(image)
    if isinstance(image, bytes | bytearray | memoryview):
        value = bytes(image)
    elif isinstance(image, str | os.PathLike):
        path = checked_file("image", image)
        check_bytes(path.stat().st_size, REFERENCE_BYTES_MAX, "image")
        value = path.read_bytes()
    else:
        raise TypeError(
            f"image: {type(image).__name__}; expected a path, the bytes of a JPEG, PNG or WebP, or a uint8 array"
        )
    try:
        kind = content_type(None, value)
    except Refused as error:
        raise ValueError(f"image: {error.message}") from error
    if not kind.startswith("image/"):
        raise ValueError(f"image: it looks like {kind}; expected the bytes of a JPEG, PNG or WebP")
    try:
        check_one_picture(value)
    except Refused as error:
        raise ValueError(f"image: {error.message}; `sparring send` does so with a file") from error
    return Image(value, kind)


def png_of(pixels: npt.NDArray[Any], argument: str = "image") -> Image:
    """A picture, uint8 [H, W], [H, W, 3] (RGB) or [H, W, 4] (RGBA), as PNG. Errors begin with `argument`."""
    colours = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    shape = pixels.shape
    fits = len(shape) == _NESTED or (len(shape) == _NESTED + 1 and shape[2] in colours)
    if pixels.dtype != np.uint8 or not fits or 0 in shape:
        raise ValueError(
            f"{argument}: an array of {pixels.dtype} {list(shape)}; expected uint8 [H, W], [H, W, 3] or [H, W, 4]"
        )
    ordered = pixels if len(shape) == _NESTED else cv2.cvtColor(pixels, colours[shape[2]])
    done, png = cv2.imencode(".png", ordered, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError(f"{argument}: an array of {list(shape)} could not be encoded as PNG")
    return Image(png.tobytes(), "image/png")


def frame_of(
    request: Request, version: PipelineVersion, argument: str = "tensor", bytes_max: int = FRAME_BYTES_MAX
) -> tuple[bytes, str]:
    """Value and content type of the frame. Errors begin with `argument`.

    A column of a DataFrame that no model takes and that Arrow has no type for is not sent, with a warning.

    Raises:
        TypeError: a column that is needed has no type of Arrow.
        ValueError: a first model that must take the request cannot: its process would refuse it.
        FrameTooLarge: it would be above `bytes_max`: it was not even encoded.
    """
    match request:
        case Image(value=value, content_type=kind):
            return value, kind
        case pd.DataFrame():
            _check_names(request, argument)
            check_bytes(_bytes_at_least(request), bytes_max, argument)
            table = _from_pandas(request, argument, _taken(request, version))
        case pa.Table():
            table = _without_long_dictionaries(request, argument)
    _check_columns(table, argument)
    table = narrowed(table, version, argument)
    check_bytes(_encoded_bytes(table), bytes_max, argument)
    value = encode_table(table)
    _check_taken(value, version, argument)
    return value, ARROW


def checked_request(request: object) -> Request:
    """`request` unchanged; TypeError for anything but a DataFrame, a Table or an image."""
    if isinstance(request, pd.DataFrame | pa.Table | Image):
        return request
    raise TypeError(
        f"tensor: {_type_name(request)}; expected a pandas.DataFrame or a pyarrow.Table "
        f"({_hint(request)}infer_image takes images, infer_from_file paths)"
    )


def _type_name(given: object) -> str:
    """A type's name, with its library where several have one of that name: there are several DataFrames."""
    kind = type(given)
    library = kind.__module__.partition(".")[0]
    return kind.__name__ if library in {"builtins", "__main__"} else f"{library}.{kind.__name__}"


def _hint(given: object) -> str:
    if isinstance(given, pa.RecordBatch):
        return "pyarrow.Table.from_batches([batch]) makes one of a batch, "
    if hasattr(given, "__arrow_c_stream__"):
        return "pyarrow.table(...) makes one of it, "
    return ""


def narrowed(table: pa.Table, version: PipelineVersion, argument: str = "tensor") -> pa.Table:
    """The table with float64 columns as float32 where every model that takes them is float32: half the bytes.

    The cast is the one that the model's process would do: a column with a number that would become infinite stays as
    it is. ValueError where a first model lacks a column.
    """
    kept = {step.hash_key for step in version.steps if isinstance(step, RandomSplit)}
    takers: dict[str, list[TensorSpec]] = {}
    for pinned, must in first_models(version):
        for column, spec in _fed(pinned, table.column_names, argument, must=must):
            takers.setdefault(column, []).append(spec)
    for column, specs in takers.items():
        if column not in kept and all(spec.dtype == "float32" for spec in specs):
            index = table.column_names.index(column)
            kind = table.schema.field(index).type
            if (narrow := _float32(kind)) != kind:
                rounded = table.column(index).cast(narrow, safe=False)
                if (infinite := _infinite(rounded)) == 0 or infinite == _infinite(table.column(index)):
                    table = table.set_column(index, column, rounded)
    return table


def first_models(version: PipelineVersion) -> Iterator[tuple[PinnedModel, bool]]:
    """The models that see the request itself, and whether they must be able to take it: an arm of weight 0 is
    never chosen, a challenger that cannot take it fails alone."""
    match version.steps:
        case (RandomSplit(arms=arms), *_):
            yield from ((arm.model, arm.weight > 0) for arm in arms)
        case (first, *_):
            champion, *challengers = step_models(first)
            yield champion, True
            yield from ((challenger, False) for challenger in challengers)
        case _:
            return


def _fed(pinned: PinnedModel, columns: Sequence[str], argument: str, *, must: bool) -> list[tuple[str, TensorSpec]]:
    """Which column feeds which input."""
    by_name = {spec.name: spec for spec in pinned.inputs}
    try:
        wired = wire_request(columns, list(by_name), pinned.configuration.tensor_fields)
    except ValueError as error:
        if must:
            raise ValueError(f"{argument}: {pinned.model.name} cannot take it: {error}") from None
        return []
    return [(column, by_name[name]) for name, column in wired.items()]


def _check_taken(value: bytes, version: PipelineVersion, argument: str) -> None:
    """ValueError where a model that must take the frame would refuse it: its process reads it with the same functions.
    No byte is copied for it, unless a dtype differs."""
    try:
        table = read_table(ARROW, value)
    except Refused as refusal:
        raise ValueError(f"{argument}: {refusal.message}") from None
    for pinned, must in first_models(version):
        if must:
            try:
                fit_table(table, pinned)
            except Refused as refusal:
                raise ValueError(f"{argument}: {pinned.model.name} cannot take it: {refusal.message}") from None


def _infinite(column: Any) -> int:
    """How many infinite numbers are in it, in lists in each other, too."""
    return sum(pc.sum(pc.is_inf(_numbers_of(chunk))).as_py() or 0 for chunk in column.chunks)


def _numbers_of(values: Any) -> Any:
    """Out of the lists around them."""
    while pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type):
        values = values.flatten()
    return values


def _taken(frame: pd.DataFrame, version: PipelineVersion) -> set[str]:
    """The columns that a first model or a split takes; all of them where there is no model yet."""
    names = list(frame.columns)
    models = list(first_models(version))
    if not models:
        return set(names)
    fed = {column for pinned, _ in models for column, _ in _fed(pinned, names, "", must=False)}
    return fed | {step.hash_key for step in version.steps if isinstance(step, RandomSplit) and step.hash_key}


def _check_names(frame: pd.DataFrame, argument: str) -> None:
    for name in frame.columns:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: the column {name!r} is no text; expected columns with names")
    if not frame.columns.is_unique:
        raise ValueError(f"{argument}: a column stands twice among {list(frame.columns)}; expected each name once")


def _from_pandas(frame: pd.DataFrame, argument: str, taken: set[str]) -> pa.Table:
    arrays: dict[str, Any] = {}
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        try:
            arrays[name] = _array(column)
        except (pa.ArrowException, Refused, TypeError, ValueError, OverflowError) as error:
            why = f"column {name!r}: {' '.join(str(error).split())[:200]}"
            if name in taken:
                raise TypeError(
                    f"{argument}: {why}; expected numbers, text, or lists of numbers of one shape"
                ) from error
            warnings.warn(f"{argument}: {why}; it is not sent, as no model takes it", stacklevel=5)
    return pa.table(arrays)


def _array(column: "pd.Series[Any]") -> Any:
    """A missing cell is null; NaN in a column of floats is a number."""
    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(np.asarray(column))
    if not isinstance(column.dtype, np.dtype):
        array = pa.array(column)
        return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
    if column.dtype != object:
        return pa.array(_native(column.to_numpy()))
    cells = [_nested(_native(cell)) if isinstance(cell, np.ndarray) else cell for cell in column]
    if cells and all(isinstance(cell, pa.Array) for cell in cells):
        return pa.concat_arrays(cells)
    cells = _with_nulls([cell.to_pylist()[0] if isinstance(cell, pa.Array) else cell for cell in cells])
    try:
        return pa.array(cells)
    except OverflowError:
        return column_of(cells)


def _native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """In this machine's byte order: Arrow has no other."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _with_nulls(cells: list[Any]) -> list[Any]:
    """Objects that are no numbers have NaN where one is missing."""
    there = [cell for cell in cells if not _is_missing(cell)]
    if all(isinstance(cell, int | float | np.number) and not isinstance(cell, bool) for cell in there):
        return [None if cell is pd.NA or cell is pd.NaT else cell for cell in cells]
    return [None if _is_missing(cell) else cell for cell in cells]


def _is_missing(cell: object) -> bool:
    return (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float | np.floating) and bool(np.isnan(cell)))
    )


def _without_long_dictionaries(table: pa.Table, argument: str) -> pa.Table:
    """A slice of a table keeps the whole dictionary: where it has more entries than the column has rows, the column is
    sent decoded."""
    _check_columns(table, argument)
    long = []
    for field, column in zip(table.schema, table.columns, strict=True):
        chunks: list[Any] = column.chunks if pa.types.is_dictionary(field.type) else []
        if sum(len(chunk.dictionary) for chunk in chunks) > len(column):
            long.append(field.name)
    try:
        return decode_columns(table, long)
    except Refused as error:
        raise ValueError(f"{argument}: {error.message}") from error


def _bytes_at_least(frame: pd.DataFrame) -> int:
    """Of the arrays and numbers in it, as float32: less than the frame will have, and known before pandas' cells are
    made columns, which takes a second for 40 MB."""
    arrays = [column.to_numpy() for _, column in frame.items() if column.dtype.kind in "iufO"]
    cells = (cell for array in arrays if array.dtype == object for cell in array if isinstance(cell, np.ndarray))
    return sum(map(_narrow_bytes, (*arrays, *cells)))


def _narrow_bytes(array: npt.NDArray[Any]) -> int:
    if array.dtype.kind not in "iuf":
        return 0
    return array.size * (4 if array.dtype == np.float64 else array.dtype.itemsize)


def _encoded_bytes(table: pa.Table) -> int:
    """Exact, and without copying a byte."""
    sink = pa.MockOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.size()


def _nested(cell: npt.NDArray[Any]) -> Any:
    """One row whose cell is the array, as nested lists of its shape."""
    values: Any = pa.array(np.ascontiguousarray(cell).ravel())
    for size in reversed(cell.shape):
        rows = len(values) // size if size else 1
        offsets = np.arange(rows + 1, dtype=np.int32) * size
        values = pa.ListArray.from_arrays(pa.array(offsets), values)
    return values


def _check_columns(table: pa.Table, argument: str) -> None:
    if table.num_rows == 0:
        raise ValueError(f"{argument}: it has no rows; expected one per input")
    names = table.column_names
    if len(set(names)) < len(names):
        raise ValueError(f"{argument}: a column stands twice among {names}; expected each name once")


def _float32(kind: Any) -> Any:
    """The type with float64 at its core as float32; any other type as it is."""
    if pa.types.is_list(kind):
        return pa.list_(_float32(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_float32(kind.value_type), kind.list_size)
    return pa.float32() if pa.types.is_float64(kind) else kind
