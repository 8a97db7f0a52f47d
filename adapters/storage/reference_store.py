"""Where a client puts frames that are too large for Kafka: files addressed by their sha256, below one root.

Nothing is ever removed here: how long they are kept is the store's own rule.
"""

import contextlib
import secrets

import pyarrow.fs

from adapters.storage.models import sha256_of
from adapters.storage.roots import Root
from schemas.errors import RetryLater
from schemas.frames import Reference

VARIABLE = "SPARRING_REFERENCE_STORE"


class ReferenceStore:
    """uri: a folder, or a URI of `pyarrow.fs.FileSystem.from_uri`. SettingError where it is neither."""

    def __init__(self, uri: str) -> None:
        self._root = Root.parse(uri, VARIABLE)

    def put(self, content: bytes) -> Reference:
        """Store one frame; the same bytes again are written again, so that they count as new. RetryLater where the
        store does not take them: nothing of them is left there then."""
        sha256 = sha256_of(content)
        parts = (sha256[:2], sha256)
        try:
            files, base = self._root.open(VARIABLE)
            path = "/".join((base, *parts))
            if self._root.scheme == "file":
                files.create_dir(path.rpartition("/")[0], recursive=True)
                _write_beside(files, path, content)
            else:
                # A bucket has no folders, and an object is there when all of it is.
                with files.open_output_stream(path) as stream:
                    stream.write(content)
        except OSError as error:
            raise RetryLater(
                f"the reference store {self._root} did not take {len(content)} bytes: {error}; {VARIABLE} names it: "
                "make room, or let this user write to it"
            ) from error
        return Reference(self._root.uri_of(parts), sha256)


def _write_beside(files: pyarrow.fs.FileSystem, path: str, content: bytes) -> None:
    """Beside its place first: a reader never finds half a frame."""
    part = f"{path}.{secrets.token_hex(8)}.part"
    try:
        with files.open_output_stream(part) as stream:
            stream.write(content)
        files.move(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            files.delete_file(part)
        raise
