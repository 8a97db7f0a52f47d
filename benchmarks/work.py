"""Decode and inference of one frame, with the system's own code: what all three ways have in common."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

from adapters.images.decode import decode_image, image_tensor
from adapters.settings import InferenceSettings
from adapters.storage.models import ModelStore
from schemas.models import PinnedModel
from schemas.tables.fitting import Arrays
from workers.inference.answering import run_path
from workers.inference.process_setup import keep_buffers
from workers.inference.steps import load_model

THREADS: Final = 2
"""Inference threads of each way."""


class Job(msgspec.Struct, frozen=True):
    """A file that tells a process of the benchmark what to do. path: the models as the pipeline pins them,
    in its order; store: where their files are."""

    store: str
    path: tuple[PinnedModel, ...]
    frames: tuple[bytes, ...]

    def write(self, file: Path) -> Path:
        """Returns the file."""
        file.write_bytes(msgspec.msgpack.encode(self))
        return file

    @classmethod
    def read(cls, file: Path) -> Self:
        """The inverse of `write`."""
        return msgspec.msgpack.decode(file.read_bytes(), type=cls)


@dataclass(frozen=True)
class Done:
    """One frame's outputs, and how long it took to make them."""

    outputs: Arrays
    decode_ns: int
    infer_ns: int


class Work:
    """Loaded models. Thread-safe. Sets the allocator of this process as a model process does."""

    def __init__(self, job: Job) -> None:
        keep_buffers()
        store = ModelStore(job.store)
        settings = InferenceSettings(allow_python=True)
        self._path = [load_model(pinned, store.get(pinned.model.sha256), settings) for pinned in job.path]
        self._image = job.path[0].configuration.image
        self._input = job.path[0].inputs[0]

    def do(self, jpeg: bytes) -> Done:
        """Decode, run."""
        started_ns = time.perf_counter_ns()
        tensor = image_tensor(decode_image(jpeg, self._image), self._image, self._input)
        decoded_ns = time.perf_counter_ns()
        outputs = run_path(self._path, {self._input.name: tensor})
        return Done(outputs, decoded_ns - started_ns, time.perf_counter_ns() - decoded_ns)
