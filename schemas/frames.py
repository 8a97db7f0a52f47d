"""A frame: what a producer sends, and what its headers say.

Its bytes are the record's value, or lie elsewhere: then the value is empty, and the header `reference` says where.

Header values are UTF-8 text. `pipeline` is required; any other header is the producer's own and
may be named by a hash key. Where a header stands twice, the last one counts.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, Self, TypeGuard

from schemas.errors import Refused, shortened
from schemas.json_text import looks_like_json
from schemas.limits import (
    FRAME_BYTES_MAX,
    FRAME_RECORD_BYTES_MAX,
    HEADERS_MAX,
    KEY_BYTES_MAX,
    QUOTED_HEADER_CHARS_MAX,
    REFERENCE_CHARS_MAX,
    REQUEST_ID_CHARS_MAX,
)
from schemas.names import PipelineName

ImageType = Literal["image/jpeg", "image/png", "image/webp"]
TableType = Literal["application/vnd.apache.arrow.stream", "application/json"]
ContentType = ImageType | TableType
ARROW: Final = "application/vnd.apache.arrow.stream"
JSON: Final = "application/json"
CONTENT_TYPES: Final[tuple[ContentType, ...]] = ("image/jpeg", "image/png", "image/webp", ARROW, JSON)
ALIASES: Final[dict[str, ContentType]] = {
    "image/jpg": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-jpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-webp": "image/webp",
    "application/vnd.apache.arrow.file": ARROW,
    "application/x-apache-arrow": ARROW,
    "application/x-apache-arrow-file": ARROW,
    "application/x-apache-arrow-stream": ARROW,
    "application/x-arrow": ARROW,
    "application/x-json": JSON,
    "text/json": JSON,
    "text/x-json": JSON,
}
"""Other names that producers, gateways and browsers give to these types."""

SAYING_NOTHING: Final = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/binary", "application/unknown"}
)
"""Types that stand for any bytes: as if none were given."""

REFERENCE: Final = "reference"
REFERENCE_SHA256: Final = "reference-sha256"

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_REQUEST_ID: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{REQUEST_ID_CHARS_MAX}}}")

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_DEADLINE_MS_MAX: Final = 10**16 - 1
_EXAMPLE_MS: Final = 1_764_000_005_000
_NOW_S: Final = (1_000_000_000, 4_102_444_800)
"""Unix seconds of 2001 and of 2100: a deadline between them was meant."""
_OTHER_UNITS: Final = {"seconds": 1, "microseconds": 10**6, "nanoseconds": 10**9}
"""How many of each are a second."""

RawHeaders = list[tuple[str, bytes | None]]
"""Headers as Kafka gives them: names may repeat, values may be null."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a frame lies. Written `topic/partition/offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of str(); ValueError for anything else."""
        topic, partition, offset = text.rsplit("/", 2)
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a frame's bytes lie. sha256: hex, of these bytes; None: whatever lies there is the frame."""

    uri: str
    sha256: str | None = None

    def headers(self) -> RawHeaders:
        """The headers that say so."""
        said = {REFERENCE: self.uri, REFERENCE_SHA256: self.sha256}
        return [(name, text.encode()) for name, text in said.items() if text is not None]


def is_request_id(text: str) -> bool:
    """Whether a producer's request id is kept: 1 to 128 letters, digits, or one of `._:-`."""
    return _REQUEST_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Frame:
    """One record of the topic `frames`, unchanged.

    produced_at: Unix milliseconds of the record. topic_id: the broker's id of the topic, so that
    request ids made from an offset stay unique when a topic is made anew.
    """

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes | None], ...]
    origin: Origin
    produced_at: int
    topic_id: str

    def header(self, name: str) -> str | None:
        """The header's text, or None. Refused where it is not UTF-8."""
        for key, value in reversed(self.headers):
            if key == name:
                try:
                    return None if value is None else value.decode()
                except UnicodeDecodeError:
                    raise Refused("BadHeader", f"header {name!r}: not UTF-8 text; expected UTF-8", "route") from None
        return None

    @property
    def request_id(self) -> str:
        """The producer's, or `<topic id>.<partition>.<offset>` where it gave none or an invalid one."""
        try:
            given = self.header("request-id")
        except Refused:
            given = None
        if given is not None and is_request_id(given):
            return given
        return f"{self.topic_id}.{self.origin.partition}.{self.origin.offset}"

    @property
    def pipeline(self) -> PipelineName:
        """Refused where the header is missing or is not a pipeline's name."""
        text = self.header("pipeline")
        if text is None:
            raise Refused(
                "MissingHeader",
                "header 'pipeline' is missing; expected `name` or `workspace/name`",
                "route",
            )
        try:
            return PipelineName.parse(text)
        except ValueError as error:
            raise Refused("BadHeader", f"header 'pipeline': {error}", "route") from error

    @property
    def deadline(self) -> int | None:
        """Unix milliseconds after which nobody wants the answer, or None. Refused where it is no number, or a time of
        today in another unit: in seconds every frame would expire, in microseconds none."""
        text = self.header("deadline")
        if text is None:
            return None
        number = int(text) if _DIGITS.fullmatch(text) else -1
        unit = next((unit for unit, at_s in _OTHER_UNITS.items() if _NOW_S[0] <= number / at_s < _NOW_S[1]), None)
        if number < 0 or number > _DEADLINE_MS_MAX or unit is not None:
            came = shortened(repr(text), QUOTED_HEADER_CHARS_MAX) + (f" looks like {unit}" if unit else "")
            expected = f"expected Unix milliseconds, such as {_EXAMPLE_MS}"
            raise Refused("BadHeader", f"header 'deadline': {came}; {expected}", "route")
        return number

    @property
    def content_type(self) -> ContentType:
        """As declared, or detected from the first bytes. Refused where neither is known."""
        return content_type(self.header("content-type"), self.value)

    @property
    def declared_type(self) -> ContentType | None:
        """As declared; None without a header. Refused where it is no known content type."""
        return declared_type(self.header("content-type"))

    @property
    def refers(self) -> bool:
        """Whether there is a header `reference`, right or wrong."""
        return any(name == REFERENCE and value is not None for name, value in self.headers)

    @property
    def reference(self) -> Reference | None:
        """Where the frame's bytes lie; None where they are its value. Refused where both are given, or it is no URI."""
        uri, sha256 = self.header(REFERENCE), self.header(REFERENCE_SHA256)
        if uri is None:
            return None
        if self.value:
            came = f"a value of {len(self.value)} bytes came as well"
            raise Refused("BadHeader", f"header 'reference': {came}; expected an empty value, or no reference", "read")
        if not 0 < len(uri) <= REFERENCE_CHARS_MAX:
            expected = f"expected a URI of at most {REFERENCE_CHARS_MAX}"
            raise Refused("BadHeader", f"header 'reference': {len(uri)} characters; {expected}", "read")
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            came = shortened(repr(sha256), QUOTED_HEADER_CHARS_MAX)
            raise Refused("BadHeader", f"header 'reference-sha256': {came}; expected 64 hexadecimal digits", "read")
        return Reference(uri, None if sha256 is None else sha256.lower())

    @property
    def traceparent(self) -> str | None:
        """The producer's trace context, unchanged; None where there is none, or it is no text."""
        try:
            text = self.header("traceparent")
        except Refused:
            return None
        return None if text is None else shortened(text, QUOTED_HEADER_CHARS_MAX)

    def with_value(self, value: bytes) -> "Frame":
        """The frame as if its value had these bytes: those that its reference led to."""
        return replace(self, value=value)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers as Kafka writes them, lengths included."""
        size = len(self.key or b"") + len(self.value)
        for name, value in self.headers:
            for length in (len(name.encode()), len(value or b"")):
                size += length + (length.bit_length() + 7) // 7  # seven bits a byte, one of them for the sign
        return size

    @property
    def fits(self) -> bool:
        """Whether every topic behind `frames` can store it as it is."""
        return len(self.headers) <= HEADERS_MAX and self.size <= FRAME_RECORD_BYTES_MAX

    def check_size(self) -> None:
        """Refused above the limits. A topic takes more than a frame, for its headers' sake, and of what is compressed
        it takes whatever that unpacks to."""
        if len(self.key or b"") > KEY_BYTES_MAX:
            raise _too_large(f"key has {len(self.key or b'')} bytes", KEY_BYTES_MAX)
        if len(self.value) > FRAME_BYTES_MAX:
            raise _too_large(f"value has {len(self.value)} bytes", FRAME_BYTES_MAX)
        if len(self.headers) > HEADERS_MAX:
            raise _too_large(f"headers are {len(self.headers)}", HEADERS_MAX)
        if (size := self.size) > FRAME_RECORD_BYTES_MAX:
            raise _too_large(f"key, value and headers have {size} bytes", FRAME_RECORD_BYTES_MAX)


def _too_large(came: str, most: int) -> Refused:
    return Refused("FrameTooLarge", f"the frame's {came}; expected at most {most}", "route")


def is_table(kind: ContentType) -> TypeGuard[TableType]:
    """Whether a frame of this content type is a table; the others are images."""
    return kind in {ARROW, JSON}


def declared_type(given: str | None) -> ContentType | None:
    """The content type of a header's text: its parameters, its case and white space do not count, and aliases stand for
    what they are. None where it says nothing. Refused where it is another."""
    named = "" if given is None else given.partition(";")[0].strip().lower()
    if named in SAYING_NOTHING:
        return None
    for known in CONTENT_TYPES:
        if ALIASES.get(named, named) == known:
            return known
    came = shortened(repr(given), QUOTED_HEADER_CHARS_MAX)
    raise Refused(
        "UnknownContentType",
        f"header 'content-type': {came}; expected one of {', '.join(CONTENT_TYPES)}, or no such header",
        "decode",
    )


def content_type(given: str | None, value: bytes) -> ContentType:
    """The content type as declared, or, without one, detected from the first bytes of `value`."""
    if (declared := declared_type(given)) is not None:
        return declared
    if value.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if value.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
        return "image/webp"
    if value.startswith((b"\xff\xff\xff\xff", b"ARROW1")):
        return ARROW
    if looks_like_json(value):
        return JSON
    raise Refused(
        "UnknownContentType",
        f"the value ({len(value)} bytes, beginning {value[:8]!r}) is not known by its first bytes; expected "
        "a JPEG, PNG, WebP, an Arrow IPC stream or JSON records, or a header 'content-type'",
        "decode",
    )
