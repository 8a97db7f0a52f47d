"""The model store: files addressed by their sha256, in a folder, S3 or GCS (pyarrow.fs).

Written once, never changed. Whoever reads a file checks its sha256 again.
"""

import hashlib
from pathlib import Path

import pyarrow.fs

from schemas.errors import RetryLater, SparringError


def sha256_of(content: bytes) -> str:
    """A file's address in the store, hex."""
    return hashlib.sha256(content).hexdigest()


class ModelStore:
    """uri: a folder, or what `pyarrow.fs.FileSystem.from_uri` knows."""

    def __init__(self, uri: str) -> None:
        if "://" not in uri:
            Path(uri).mkdir(parents=True, exist_ok=True)
            uri = Path(uri).resolve().as_uri()
        self._files, self._root = pyarrow.fs.FileSystem.from_uri(uri)

    def put(self, content: bytes) -> str:
        """Store one file; returns its sha256, hex. Storing the same bytes again does nothing."""
        sha256 = sha256_of(content)
        path = self._path(sha256)
        if self._files.get_file_info(path).type == pyarrow.fs.FileType.NotFound:
            self._files.create_dir(path.rpartition("/")[0], recursive=True)
            # Beside its place first: a reader never finds half a file under a sha256.
            with self._files.open_output_stream(f"{path}.part") as stream:
                stream.write(content)
            self._files.move(f"{path}.part", path)
        return sha256

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

    def _path(self, sha256: str) -> str:
        return f"{self._root}/models/{sha256[:2]}/{sha256}"
