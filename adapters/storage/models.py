"""The model store: files addressed by their sha256, in a folder, S3 or GCS (pyarrow.fs).

Written once, never changed. Whoever reads a file checks its sha256 again.
"""

import contextlib
import hashlib
import secrets
from pathlib import Path

import pyarrow as pa
import pyarrow.fs

from schemas.errors import RetryLater, SettingError, SparringError


def sha256_of(content: bytes) -> str:
    """A file's address in the store, hex."""
    return hashlib.sha256(content).hexdigest()


class ModelStore:
    """uri: a folder, or a URI of `pyarrow.fs.FileSystem.from_uri`.

    Raises:
        RetryLater: a folder cannot be made.
        SettingError: it is neither.
    """

    def __init__(self, uri: str) -> None:
        if "://" not in uri:
            try:
                Path(uri).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RetryLater(f"the model store {uri} cannot be made: {error}; SPARRING_STORE names it") from error
            uri = Path(uri).resolve().as_uri()
        try:
            self._files, self._root = pyarrow.fs.FileSystem.from_uri(uri)
        except pa.ArrowInvalid:
            # pyarrow's message quotes the URI, with its password.
            raise SettingError(
                f"SPARRING_STORE: pyarrow.fs knows no such URI of the scheme {uri.partition('://')[0]!r}; expected a "
                "folder, s3://bucket/folder or gs://bucket/folder, a `/` or `+` in its password percent-encoded; it is "
                "not shown, it may hold one"
            ) from None

    def __str__(self) -> str:
        # Not the URI as it was given: it may hold a password.
        return self._root if self._files.type_name == "local" else f"{self._files.type_name}://{self._root}"

    def put(self, content: bytes) -> str:
        """Store one file; returns its sha256, hex. Storing the same bytes again does nothing. RetryLater where the
        store does not take it: nothing of it is left there then."""
        sha256 = sha256_of(content)
        path = self._path(sha256)
        try:
            if self._files.get_file_info(path).type == pyarrow.fs.FileType.NotFound:
                self._files.create_dir(path.rpartition("/")[0], recursive=True)
                self._write(path, content)
        except OSError as error:
            raise RetryLater(
                f"the model store {self} did not take {len(content)} bytes: {error}; nothing of them is kept there: "
                "make room, or let this user write to it, and upload again"
            ) from error
        return sha256

    def has(self, sha256: str) -> bool:
        """Whether a file of this sha256 is there."""
        found = self._files.get_file_info(self._path(sha256)).type
        return bool(found != pyarrow.fs.FileType.NotFound)

    def get(self, sha256: str) -> bytes:
        """The file's bytes. RetryLater where the store does not have it (yet); SparringError where
        its bytes are not what was stored."""
        try:
            with self._files.open_input_stream(self._path(sha256)) as stream:
                content: bytes = stream.read()
        except OSError as error:
            raise RetryLater(f"model file {sha256} cannot be read from the store: {error}") from error
        found = sha256_of(content)
        if found != sha256:
            raise SparringError(f"model file {sha256} has the sha256 {found}: the store is damaged")
        return content

    def _write(self, path: str, content: bytes) -> None:
        """Beside its place first: a reader never finds half a file under a sha256. Under a name of its own: who
        stores the same bytes at the same time would cut them off."""
        part = f"{path}.{secrets.token_hex(8)}.part"
        try:
            with self._files.open_output_stream(part) as stream:
                stream.write(content)
            self._files.move(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                self._files.delete_file(part)
            raise

    def _path(self, sha256: str) -> str:
        return f"{self._root}/models/{sha256[:2]}/{sha256}"
