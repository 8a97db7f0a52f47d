"""An object store that a URI names, such as `s3://bucket/folder`, and its errors in words.

A URI says where something lies, percent-encoded where a name needs it, and after a `?` how its store is reached. Who
asks is said by the environment, never by the URI: a replay's journal keeps it.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote

import pyarrow as pa
import pyarrow.fs

from adapters.storage.roots import Root, shown
from schemas.errors import SparringError

_DENIED: Final = ("ACCESS_DENIED", "PERMISSION_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH")
"""How object stores say so, whose errors have no number."""

_WHO: Final = {"s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's role, say who asks"}
_WHERE: Final = {"s3": "AWS_ENDPOINT_URL names a store that is not Amazon's own"}


@dataclass(frozen=True, slots=True)
class Store:
    """name: the URI as it was typed, without options. path: what it names in the store; bucket: what all paths in it
    begin with. before, after: of a URI, what stands around a path."""

    name: str
    files: pyarrow.fs.FileSystem
    bucket: str
    path: str
    before: str
    after: str

    @classmethod
    def of(cls, uri: str) -> Self:
        """The store of a URI. SparringError where it is none, or holds a password; OSError where it does not answer."""
        root = Root.parse(uri, "PATH")
        before, slash, after = uri.partition("?")
        before = "/".join(before.split("/", 3)[:3])
        who = _WHO.get(root.scheme, "the environment says who asks")
        if ":" in before.partition("://")[2].rpartition("@")[0]:
            raise SparringError(f"{shown(uri)}: the journal keeps it: expected no password in it; {who}")
        with asking(uri):
            try:
                files, base = pyarrow.fs.FileSystem.from_uri(f"{before}/{slash}{after}")
            except pa.ArrowInvalid as error:
                raise SparringError(f"{shown(uri)}: {error}; expected one such as s3://bucket/folder") from None
        bucket = base.rstrip("/")
        return cls(_shown(uri), files, bucket, "/".join((bucket, *root.path)), before, f"{slash}{after}")

    def uri_of(self, path: str) -> str:
        """Of another path in this store, by which it is found again."""
        return f"{self.before}/{quote(path.removeprefix(f'{self.bucket}/'))}{self.after}"

    def info(self) -> Any:
        """What there is at the path; FileNotFoundError where not even its bucket is there."""
        with asking(self.name):
            found, bucket = self.files.get_file_info(self.path), None
            if found.type == pyarrow.fs.FileType.NotFound and self.bucket:
                bucket = self.files.get_file_info(self.bucket)
        if bucket is not None and bucket.type == pyarrow.fs.FileType.NotFound:
            where = _WHERE.get(self.files.type_name, "is it spelled so?")
            raise FileNotFoundError(f"{self.name}: there is no bucket {self.bucket!r}; expected one that is; {where}")
        return found

    def below(self, folder: str, *, recursive: bool) -> list[str]:
        """The paths of the files in a folder, sorted; none where there is no such folder."""
        selected = pyarrow.fs.FileSelector(folder, allow_not_found=True, recursive=recursive)
        with asking(self.name):
            found = self.files.get_file_info(selected)
        return sorted(one.path for one in found if one.type == pyarrow.fs.FileType.File)


def is_remote(name: str) -> bool:
    """Whether it is a URI and no path. Pure."""
    return "://" in name


def plain(uri: str) -> str:
    """What it names, without user and options: as it may be shown, and is the same wherever the store is. Pure."""
    return str(Root.parse(uri, "PATH"))


@contextlib.contextmanager
def asking(uri: str) -> Iterator[None]:
    """Errors of a store as FileNotFoundError, PermissionError or OSError, with what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{_shown(uri)}: there is no such file or folder") from error
    except OSError as error:
        scheme = uri.partition("://")[0]
        if isinstance(error, PermissionError) or any(word in str(error) for word in _DENIED):
            who = _WHO.get(scheme, "the environment says who asks")
            raise PermissionError(
                f"{_shown(uri)}: access denied; expected that it may be listed and read: {who}"
            ) from error
        where = _WHERE.get(scheme, "is its store there?")
        raise OSError(f"{_shown(uri)} cannot be read: {error}; {where}") from error


def _shown(uri: str) -> str:
    """As it was typed, but for options that are the same each time."""
    return uri.partition("?")[0]
