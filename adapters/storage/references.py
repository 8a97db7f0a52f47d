"""Frames that lie elsewhere: what a reference names is read, below configured roots only (`adapters.storage.roots`).

Model processes read references, and the SDK where it reads frames back.
"""

import errno
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import pyarrow.fs

from adapters.storage.local_file import Denied, Growing, read_below
from adapters.storage.models import sha256_of
from adapters.storage.roots import Root, below, not_allowed, shown
from schemas.errors import Refused, RetryLater
from schemas.frames import Reference
from schemas.limits import REFERENCE_BYTES_MAX, REFERENCE_WAIT_S_MAX

_DENIED: Final = ("ACCESS_DENIED", "PERMISSION_DENIED")
"""How object stores say so, whose errors have no number."""

_CHUNK_BYTES: Final = 8 * 1024 * 1024


class References:
    """Reads what references name. Thread-safe.

    roots: folders and URIs; none: every reference is refused. SettingError where one is neither.
    """

    def __init__(self, roots: Sequence[str], variable: str = "SPARRING_REFERENCE_ROOTS") -> None:
        self._variable = variable
        self._roots = tuple(Root.parse(root, variable) for root in roots)
        self._stores: dict[Root, tuple[pyarrow.fs.FileSystem, str]] = {}
        for root in self._roots:
            if root.scheme != "file":
                with suppress(OSError):  # it is not there now: asked again by the first that reads
                    self._store(root)

    def read(self, reference: Reference, within_s: float = REFERENCE_WAIT_S_MAX) -> bytes:
        """The frame's bytes. within_s: how long they may take; a call of the store's own library is not interrupted.

        Raises:
            Refused: it lies below no root, is not there, is too large, or is not what its sha256 says.
            RetryLater: the store does not answer, or has not given all of it in that time.
        """
        deadline_s = time.monotonic() + within_s
        if not self._roots:
            raise not_allowed(reference.uri, "SPARRING_REFERENCE_ROOTS names no root here: no reference is read")
        root, parts = below(reference.uri, self._roots)
        try:
            content = self._read(root, parts, reference.uri, deadline_s)
        except Denied as error:
            raise not_allowed(reference.uri, str(error)) from None
        except Growing as error:
            raise Refused("ReferenceChanged", f"{shown(reference.uri)}: {error}; write it first", "read") from None
        except OSError as error:
            raise _meaning(error, reference.uri) from error
        if reference.sha256 is not None and (found := sha256_of(content)) != reference.sha256:
            what = f"{len(content)} bytes with the sha256 {found}; expected {reference.sha256}"
            raise Refused("ReferenceChanged", f"{shown(reference.uri)} has {what}", "read")
        return content

    def _read(self, root: Root, parts: tuple[str, ...], uri: str, deadline_s: float) -> bytes:
        if root.scheme == "file":
            return read_below(f"/{'/'.join(root.path)}", parts, lambda size: _check_size(size, uri))
        files, base = self._store(root)
        path = "/".join((base, *parts))
        info = files.get_file_info(path)
        if info.type != pyarrow.fs.FileType.File:
            raise FileNotFoundError(path)
        _check_size(info.size or 0, uri)
        chunks: list[bytes] = []
        came = 0
        with files.open_input_stream(path) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                came += len(chunk)
                _check_size(came, uri)
                chunks.append(chunk)
                if came < (info.size or 0) and time.monotonic() > deadline_s:
                    raise TimeoutError(f"{came} of {info.size} bytes came in time")
        return b"".join(chunks)

    def _store(self, root: Root) -> tuple[pyarrow.fs.FileSystem, str]:
        if root not in self._stores:
            self._stores[root] = root.open(self._variable)
        return self._stores[root]


def _meaning(error: OSError, uri: str) -> Refused | RetryLater:
    """What to do about an error of the store."""
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return Refused("ReferenceNotFound", f"{shown(uri)}: there is no such file", "read")
    if error.errno == errno.ENAMETOOLONG:
        return Refused("ReferenceNotFound", f"{shown(uri)}: no file has so long a name", "read")
    if isinstance(error, PermissionError) or any(word in str(error) for word in _DENIED):
        return not_allowed(uri, "the store does not let this process read it")
    return RetryLater(f"{shown(uri)} cannot be read now: {error}")


def _check_size(came: int, uri: str) -> None:
    if came > REFERENCE_BYTES_MAX:
        message = f"{shown(uri)} has {came} bytes or more; expected at most {REFERENCE_BYTES_MAX}"
        raise Refused("FrameTooLarge", message, "read")
