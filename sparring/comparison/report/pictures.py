"""The pictures that answers belong to, as JPEGs for a page, or their sizes.

They are read where they lie: files, videos and datasets here or in an object store, and topics.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, assert_never

import cv2
import pyarrow as pa

from schemas.errors import SparringError
from schemas.frames import Origin
from schemas.limits import FRAME_BYTES_MAX
from sparring.comparison.coordinates import PictureSize
from sparring.comparison.report.source_uri import InFile, InRows, InTopic, InVideo, parse_source
from sparring.sources.dataset import image_of, in_order, is_image, open_rows
from sparring.sources.remote import fetched
from sparring.sources.store import is_remote
from sparring.vision import Image, decode

if TYPE_CHECKING:
    from sparring.system.connection import Connection


_ROWS_AT_ONCE: Final = 64


def open_cells(uri: str, column: str) -> Any:
    """The dataset.

    Raises:
        ValueError: it has no such column, or no images in it.
        SparringError, OSError: it cannot be opened.
    """
    if not is_remote(uri):
        Path(uri).stat()  # it knows why nothing is there
    try:
        dataset = open_rows(uri, "parquet")
    except SparringError:
        dataset = open_rows(uri, "arrow")
    if column not in dataset.schema.names:
        raise ValueError(f"the dataset has no column {column!r}")
    if not is_image(dataset.schema.field(column).type):
        raise ValueError(f"column {column!r} holds no encoded images")
    return dataset


def cells(dataset: Any, column: str, numbers: Sequence[int]) -> Iterator[tuple[int, bytes | None]]:
    """The images of these rows; None where there is none. numbers: rising."""
    begin = 0
    for file in in_order(dataset):
        if begin > numbers[-1]:
            return
        end = begin + file.count_rows()
        wanted = numbers[bisect_left(numbers, begin) : bisect_left(numbers, end)]
        if wanted:
            for row, value in _of_file(file, column, [number - begin for number in wanted]):
                yield begin + row, value
        begin = end


def _of_file(file: Any, column: str, rows: Sequence[int]) -> Iterator[tuple[int, bytes | None]]:
    begin = 0
    for batch in file.to_batches(columns=[column], batch_size=_ROWS_AT_ONCE, batch_readahead=1, fragment_readahead=1):
        end = begin + batch.num_rows
        for row in rows[bisect_left(rows, begin) : bisect_left(rows, end)]:
            yield row, image_of(batch.column(0)[row - begin].as_py())
        if end > rows[-1]:
            return
        begin = end


FETCHED_MAX: Final = 8
"""Frames of topics that are in memory at a time, of FRAME_BYTES_MAX at most each."""

Connect: TypeAlias = "Callable[[], AbstractContextManager[Connection]] | None"
"""Opens a connection and closes it; called only where a frame lies in a topic. None: there is none."""

T = TypeVar("T")
Make = Callable[[Image], T]
"""What is taken of a picture, uint8 RGB [height, width, 3]."""

_ERRORS: Final = (SparringError, OSError, ValueError, pa.ArrowException)


def open_pictures(
    sources: Iterable[str], connect: Connect, make: Make[T], silent: dict[str, str] | None = None
) -> dict[str, T | str]:
    """By source, what is made of each picture, or why there is none.

    Args:
        sources: as in the column of that name, see `parse_source`.
        connect: a connection, or None.
        make: called with one picture at a time.
        silent: why a store did not answer, by its beginning: such a one is not asked again, as that takes seconds each
            time. Who looks for pictures again gives the same.
    """
    sought = _Sought(make, _Stores({} if silent is None else silent))
    for source in dict.fromkeys(sources):
        sought.add(source)
    return sought.found(connect)


class _Sought(Generic[T]):
    """What is opened together: the pictures of one video, of one column, of topics."""

    def __init__(self, make: Make[T], stores: "_Stores") -> None:
        self._make = make
        self._stores = stores
        self._found: dict[str, T | str] = {}
        self._files: list[InFile] = []
        self._videos: dict[str, dict[int, str]] = defaultdict(dict)
        self._rows: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
        self._topics: dict[Origin, str] = {}

    def add(self, source: str) -> None:
        """One more."""
        try:
            # First: a file's name may look like anything.
            place = InFile(source) if Path(source).is_file() else parse_source(source)
        except (OSError, ValueError) as error:
            self._found[source] = _told(error)
            return
        match place:
            case InFile():
                self._files.append(place)
            case InVideo(uri, number):
                self._videos[uri][number] = source
            case InRows(uri, column, row):
                self._rows[uri, column][row] = source
            case InTopic(origin):
                self._topics[origin] = source
            case _:
                assert_never(place)

    def found(self, connect: Connect) -> dict[str, T | str]:
        """All of them."""
        for file in self._files:
            try:
                with self._stores.here(file.uri) as path:
                    self._found[file.uri] = self._of_file(path)
            except _ERRORS as error:
                self._found[file.uri] = _told(error)
        for uri, numbers in self._videos.items():
            self._inside(numbers, self._of_video(uri, numbers))
        for (uri, column), rows in self._rows.items():
            self._inside(rows, self._of_rows(uri, column, rows))
        return self._found | _of_topics(self._topics, connect, self._make)

    def _of_file(self, path: Path) -> T | str:
        if path.stat().st_size > FRAME_BYTES_MAX:
            return f"the file is larger than {FRAME_BYTES_MAX} bytes"
        return self._make(decode(path.read_bytes()))

    def _inside(self, sources: dict[int, str], pictures: Iterator[tuple[int, T | str]]) -> None:
        found: dict[str, T | str] = {}
        why = "it has no such picture"
        try:
            for number, picture in pictures:
                found[sources[number]] = picture
        except _ERRORS as error:
            why = _told(error)
        self._found |= dict.fromkeys(sources.values(), why) | found

    def _of_video(self, uri: str, numbers: Iterable[int]) -> Iterator[tuple[int, T | str]]:
        from sparring.sources.video import pictures_at  # noqa: PLC0415  # only where there is one

        with self._stores.here(uri) as path:
            path.stat()  # it knows why nothing is there
            for number, image in pictures_at(path, sorted(numbers)):
                yield number, self._make(image)

    def _of_rows(self, uri: str, column: str, rows: Iterable[int]) -> Iterator[tuple[int, T | str]]:
        with self._stores.asked(uri):
            dataset = open_cells(uri, column)
        for row, value in cells(dataset, column, sorted(rows)):
            try:
                yield row, "the row has no image" if value is None else self._make(decode(value))
            except ValueError as error:
                yield row, _told(error)


class _Stores:
    """Object stores. silent: see `open_pictures`."""

    def __init__(self, silent: dict[str, str]) -> None:
        self._silent = silent

    @contextmanager
    def asked(self, uri: str) -> Iterator[None]:
        """While it is asked for something."""
        bucket = "/".join(uri.split("/", 3)[:3])
        if bucket in self._silent:
            raise OSError(self._silent[bucket])
        try:
            yield
        except (FileNotFoundError, PermissionError):
            raise
        except OSError as error:
            if is_remote(uri):
                self._silent[bucket] = str(error)
            raise

    @contextmanager
    def here(self, uri: str) -> Iterator[Path]:
        """A file on this machine's disk."""
        with ExitStack() as stack:
            with self.asked(uri):
                file = fetched(uri, FRAME_BYTES_MAX) if is_remote(uri) else nullcontext((Path(uri), 0))
                path, _ = stack.enter_context(file)
            yield path


def _of_topics(origins: dict[Origin, str], connect: Connect, make: Make[T]) -> dict[str, T | str]:
    if not origins:
        return {}
    if connect is None:
        return dict.fromkeys(origins.values(), "its frame lies in a topic, and no system is connected")
    found: dict[str, T | str] = dict.fromkeys(origins.values(), "its topic has the frame no longer")
    from sparring.frames.fetch import fetch, resolved  # noqa: PLC0415  # with Kafka's client, only where it is needed

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
        return "there is no such file here" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
    return " ".join(str(error).split()).removeprefix("value: ")


SIDE_PX_MAX: Final = 900
"""Pixels of the longer side of a picture on the page."""

_JPEG_QUALITY: Final = 80


@dataclass(frozen=True)
class Picture:
    """jpeg: of `width` times `height` pixels. original: width and height of the picture that it was made of."""

    jpeg: bytes
    width: int
    height: int
    original: tuple[int, int]


PictureOrReason = Picture | str
"""A picture, or why there is none."""


def find_pictures(sources: Iterable[str], connect: Connect) -> dict[str, PictureOrReason]:
    """By source. The arguments are those of `open_pictures`."""
    return open_pictures(sources, connect, shown)


def picture_sizes(
    sources: Iterable[str], connect: Connect, silent: dict[str, str] | None = None
) -> dict[str, PictureSize | str]:
    """Width and height of each picture, upright as a model's process decodes it, or why they are unknown. The
    arguments are those of `open_pictures`; each picture is decoded, one at a time."""
    return open_pictures(sources, connect, _size, silent)


def _size(image: Image) -> PictureSize:
    return image.shape[1], image.shape[0]


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
