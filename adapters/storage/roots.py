"""Below which folders and buckets frames may lie that travel as references. Pure but for `Root.open`.

Whether a URI lies below a root is decided by its text alone, before anything is opened. How a store is reached is said
by the root's own URI, never by a frame's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.fs

from schemas.errors import Refused, SettingError, shortened
from schemas.limits import QUOTED_HEADER_CHARS_MAX

_ROOT: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[^/?#]*@)?([^/?#@]*)(/[^?#]*)?(?:\?[^#]*)?")
_REFERENCE: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#@\\]*)(/[^?#\\]+)")
_PLAIN: Final = re.compile(r"[!-~]+")
"""ASCII without blanks: whatever else a path has is percent-encoded in a URI."""

_CODED_TWICE: Final = re.compile(r"%(?:25|2e|2f|5c)", re.IGNORECASE)
_UNUSUAL: Final = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Root:
    """Below it references may lie. host: of an object store its bucket. path: decoded, without `.` and `..`.

    uri: as it was configured; it may hold credentials and options, and is shown nowhere.
    """

    scheme: str
    host: str
    path: tuple[str, ...]
    uri: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, variable: str) -> Self:
        """A folder, or a URI. SettingError, naming `variable`, where it is none."""
        uri = text if "://" in text else Path(text).absolute().as_uri()
        found = _ROOT.fullmatch(uri)
        path = None if found is None else _decoded((found[3] or "").rstrip("/"))
        if found is None or path is None or not (found[2] or path) or (found[1] == "file" and found[2]):
            raise SettingError(
                f"{variable}: {shown(text)}; expected a folder, or a URI that pyarrow.fs knows (file:///folder, "
                "s3://bucket/folder), without `..`, and not the whole file system"
            )
        return cls(found[1], found[2], path, uri)

    def __str__(self) -> str:
        return self.uri_of(())

    def uri_of(self, parts: Iterable[str]) -> str:
        """The URI of what lies below, without credentials and options."""
        return f"{self.scheme}://{self.host}/" + "/".join(quote(part) for part in (*self.path, *parts))

    def open(self, variable: str) -> tuple[pyarrow.fs.FileSystem, str]:
        """The store, and the root's path in it. OSError where it does not answer; SettingError where pyarrow.fs does
        not know such a URI."""
        try:
            files, path = pyarrow.fs.FileSystem.from_uri(self.uri)
        except pa.ArrowInvalid as error:
            # pyarrow's message may quote the URI, with its password.
            raise SettingError(f"{variable}: {self}: {str(error).replace(self.uri, str(self))}") from None
        return files, path.rstrip("/")


def below(uri: str, roots: Sequence[Root]) -> tuple[Root, tuple[str, ...]]:
    """The root that a reference lies below, and its path from there. Pure. Refused where there is none."""
    found = _REFERENCE.fullmatch(uri) if _PLAIN.fullmatch(uri) else None
    parts = None if found is None else _decoded(found[3])
    if found is None or parts is None:
        raise not_allowed(
            uri,
            "expected scheme://host/path, percent-encoded once, without `..`, user, options (`?`), fragment (`#`)",
        )
    for root in roots:
        depth = len(root.path)
        if (root.scheme, root.host, root.path) == (found[1], found[2], parts[:depth]) and len(parts) > depth:
            return root, parts[depth:]
    raise not_allowed(uri, "expected one below a root of SPARRING_REFERENCE_ROOTS of the process that reads it")


def without_secrets(uri: str) -> str:
    """A URI without what may be a secret: a user, options."""
    scheme, separator, rest = re.split(r"[?#]", uri, maxsplit=1)[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def shown(uri: str) -> str:
    """A URI as it may be quoted in a message."""
    return shortened(repr(without_secrets(uri)), QUOTED_HEADER_CHARS_MAX)


def not_allowed(uri: str, why: str) -> Refused:
    """The refusal of a reference that must not be read."""
    return Refused("ReferenceNotAllowed", f"header 'reference': {shown(uri)}: {why}", "read")


def _decoded(path: str) -> tuple[str, ...] | None:
    """The parts of a path that begins with `/`, percent-decoded once; None where one is no plain name."""
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return None
    if not decoded:
        return ()
    parts = tuple(decoded.split("/")[1:])
    if _CODED_TWICE.search(decoded) or _UNUSUAL.search(decoded) or any(part in {"", ".", ".."} for part in parts):
        return None
    return parts
