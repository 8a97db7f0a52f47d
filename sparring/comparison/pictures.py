"""The pictures that answers came from, as JPEGs for a page or their sizes: from files, videos, datasets and topics."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import cv2
import pyarrow as pa
import pyarrow.dataset as ds

from schemas.errors import SparringError
from schemas.frames import Origin
from schemas.limits import FRAME_BYTES_MAX
from sparring.comparison.inputs import PictureSize
from sparring.sources.paths import VIDEOS
from sparring.vision import Image, decode

if TYPE_CHECKING:
    from sparring.connection import Connection

SIDE_PX_MAX: Final = 900
"""Pixels of the longer side of a picture on the page."""

FETCHED_MAX: Final = 8
"""Frames of topics that are in memory at a time, of FRAME_BYTES_MAX at most each."""

_JPEG_QUALITY: Final = 80
_ROWS_AT_ONCE: Final = 64
_IN_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}/\d{1,9}/\d{1,18}")
_IN_FILE: Final = re.compile(r"(.+)#(\d{1,12})", re.DOTALL)
_TABLES: Final = (".parquet", ".arrow", ".feather", ".ipc")


@dataclass(frozen=True)
class Picture:
    """jpeg: of `width` times `height` pixels. original: width and height of the picture that it was made of."""

    jpeg: bytes
    width: int
    height: int
    original: tuple[int, int]


Found = Picture | str
"""A picture, or why there is none."""

Connect: TypeAlias = "Callable[[], AbstractContextManager[Connection]] | None"
"""Opens a connection and closes it; called only where a frame lies in a topic. None: there is none."""

T = TypeVar("T")
Make = Callable[[Image], T]
"""What is wanted of a picture, uint8 RGB [height, width, 3]."""


def pictures(sources: Iterable[str], connect: Connect) -> dict[str, Found]:
    """By source, as in the column of that name.

    Args:
        sources: paths, `path#number` of a video or dataset, or `topic/partition/offset`.
        connect: a connection, or None.
    """
    return _all(sources, connect, shown)


def picture_sizes(sources: Iterable[str], connect: Connect) -> dict[str, PictureSize | str]:
    """Width and height of each picture, upright as a model's process decodes it, or why they are unknown. The
    arguments are those of `pictures`; each picture is decoded, one at a time."""
    return _all(sources, connect, _size)


def _size(image: Image) -> PictureSize:
    return image.shape[1], image.shape[0]


def _all(sources: Iterable[str], connect: Connect, make: Make[T]) -> dict[str, T | str]:
    found: dict[str, T | str] = {}
    inside: dict[Path, dict[int, str]] = defaultdict(dict)
    in_topics: dict[Origin, str] = {}
    for source in dict.fromkeys(sources):
        path, part = Path(source), _IN_FILE.fullmatch(source)
        try:
            if path.is_file():
                found[source] = _of_file(path, make)
            elif part and Path(part[1]).is_file():
                inside[Path(part[1])][int(part[2])] = source
            elif _IN_TOPIC.fullmatch(source):
                in_topics[Origin.parse(source)] = source
            else:
                found[source] = "there is no such file here"
        except (OSError, ValueError) as error:
            found[source] = _told(error)
    for path, numbers in inside.items():
        found |= _inside(path, numbers, make)
    return found | _of_topics(in_topics, connect, make)


def shown(image: Image) -> Picture:
    """The picture for a page: no larger than SIDE_PX_MAX. image: uint8 RGB [height, width, 3]."""
    height, width = image.shape[:2]
    ratio = min(1.0, SIDE_PX_MAX / max(height, width))
    if ratio < 1:
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    done, jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise ValueError(f"a picture of {width} x {height} pixels could not be encoded as JPEG")
    return Picture(jpeg.tobytes(), image.shape[1], image.shape[0], (width, height))


def _of_file(path: Path, make: Make[T]) -> T | str:
    if path.stat().st_size > FRAME_BYTES_MAX:
        return f"the file is larger than {FRAME_BYTES_MAX} bytes"
    return make(decode(path.read_bytes()))


def _inside(path: Path, numbers: dict[int, str], make: Make[T]) -> dict[str, T | str]:
    """Pictures of a video or rows of a dataset."""
    found: dict[str, T | str] = dict.fromkeys(numbers.values(), "the file has no such picture")
    try:
        images = _of_video if path.suffix.lower() in VIDEOS else _of_rows
        for number, picture in images(path, sorted(numbers), make):
            found[numbers[number]] = picture
    except (SparringError, OSError, ValueError, pa.ArrowException) as error:
        return found | {source: _told(error) for source, one in found.items() if isinstance(one, str)}
    return found


def _of_video(path: Path, numbers: list[int], make: Make[T]) -> Iterator[tuple[int, T | str]]:
    from sparring.sources.video import pictures_at  # noqa: PLC0415  # only where there is one

    for number, image in pictures_at(path, numbers):
        yield number, make(image)


def _of_rows(path: Path, numbers: list[int], make: Make[T]) -> Iterator[tuple[int, T | str]]:
    if path.suffix.lower() not in _TABLES:
        raise ValueError(f"neither a video nor a dataset by its name ({path.suffix})")
    dataset = ds.dataset(path, format="parquet" if path.suffix.lower() == ".parquet" else "ipc")
    column = next(
        (name for name, kind in zip(dataset.schema.names, dataset.schema.types, strict=True) if _holds_images(kind)),
        None,
    )
    if column is None:
        raise ValueError("the dataset has no column of encoded images")
    begin = 0
    for batch in dataset.to_batches(
        columns=[column], batch_size=_ROWS_AT_ONCE, batch_readahead=1, fragment_readahead=1
    ):
        end = begin + batch.num_rows
        for number in numbers[bisect_left(numbers, begin) : bisect_left(numbers, end)]:
            value = batch.column(0)[number - begin].as_py()
            value = value.get("bytes") if isinstance(value, dict) else value
            try:
                yield number, make(decode(value)) if value is not None else "the row has no image"
            except ValueError as error:
                yield number, _told(error)
        if end > numbers[-1]:
            return
        begin = end


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _holds_images(field.type) for field in kind)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _of_topics(origins: dict[Origin, str], connect: Connect, make: Make[T]) -> dict[str, T | str]:
    if not origins:
        return {}
    if connect is None:
        return dict.fromkeys(origins.values(), "its frame lies in a topic, and no system is connected")
    found: dict[str, T | str] = dict.fromkeys(origins.values(), "its topic has the frame no longer")
    from sparring.originals import fetch, resolved  # noqa: PLC0415  # with Kafka's client, only where it is needed

    try:
        with connect() as connection:
            ordered = sorted(origins, key=str)
            for begin in range(0, len(ordered), FETCHED_MAX):
                for origin, original in fetch(connection.broker, ordered[begin : begin + FETCHED_MAX]).items():
                    try:
                        found[origins[origin]] = make(decode(resolved(original, connection.settings).value))
                    except (SparringError, OSError, ValueError) as error:
                        found[origins[origin]] = _told(error)
    except (SparringError, OSError) as error:
        return found | {source: _told(error) for source, one in found.items() if isinstance(one, str)}
    return found


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.strerror}"
    return " ".join(str(error).split()).removeprefix("value: ")
