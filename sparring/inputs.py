"""What a user gives to `infer`, as the bytes of a frame. Checked as far as it can be before it is sent."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from adapters.image_files import check_one_picture
from schemas.errors import Refused
from schemas.frames import ARROW, content_type
from schemas.limits import FRAME_BYTES_MAX, REFERENCE_BYTES_MAX
from schemas.models import PinnedModel, TensorSpec
from schemas.pipelines import PipelineVersion, RandomSplit, step_models
from schemas.tables import encode_table, read_arrow
from schemas.wiring import wire_request
from sparring.checks import checked_file
from sparring.frames import check_bytes

_NESTED: Final = 2


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
            return pd.DataFrame(msgspec.json.decode(content, type=list[dict[str, Any]]))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"path: {where} is not a JSON list of records: {error}") from error
    raise ValueError(f"path: {where}; expected a file that ends in .arrow or .json")


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

    Raises:
        ValueError: the first models cannot take the request.
        FrameTooLarge: it would be above `bytes_max`: it was not even encoded.
    """
    match request:
        case Image(value=value, content_type=kind):
            return value, kind
        case pd.DataFrame():
            check_bytes(_bytes_at_least(request), bytes_max, argument)
            table = _from_pandas(request, argument)
        case pa.Table():
            table = request
    _check_columns(table, argument)
    table = narrowed(table, version, argument)
    check_bytes(_encoded_bytes(table), bytes_max, argument)
    return encode_table(table), ARROW


def checked_request(request: object) -> Request:
    """`request` as it came; TypeError for anything but a DataFrame, a Table or an image."""
    if isinstance(request, pd.DataFrame | pa.Table | Image):
        return request
    raise TypeError(
        f"tensor: {type(request).__name__}; expected a pandas.DataFrame or a pyarrow.Table "
        "(infer_image takes images, infer_from_file paths)"
    )


def narrowed(table: pa.Table, version: PipelineVersion, argument: str = "tensor") -> pa.Table:
    """The table with float64 columns as float32 where every model that takes them is float32: half the bytes.

    The cast is the one that the model's process would do. ValueError where a first model lacks a column.
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
                table = table.set_column(index, column, table.column(index).cast(narrow, safe=False))
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


def _from_pandas(frame: pd.DataFrame, argument: str) -> pa.Table:
    for name in frame.columns:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: the column {name!r} is no text; expected columns with names")
    arrays = {}
    for position, name in enumerate(frame.columns):
        try:
            arrays[name] = _array(frame.iloc[:, position])
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise TypeError(
                f"{argument}: column {name!r}: {' '.join(str(error).split())[:200]}; "
                "expected numbers, text, or lists of numbers of one shape"
            ) from error
    if len(arrays) < len(frame.columns):
        raise ValueError(f"{argument}: a column stands twice among {list(frame.columns)}; expected each name once")
    return pa.table(arrays)


def _array(column: "pd.Series[Any]") -> "pa.Array[Any]":
    array: pa.Array[Any]
    if column.dtype != object:
        array = pa.array(column.to_numpy() if column.dtype.kind in "biuf" else column.to_list())
    else:
        cells = [_nested(cell) if isinstance(cell, np.ndarray) else cell for cell in column]
        if cells and all(isinstance(cell, pa.Array) for cell in cells):
            return pa.concat_arrays(cells)
        array = pa.array([cell.to_pylist()[0] if isinstance(cell, pa.Array) else cell for cell in cells])
    return array


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
