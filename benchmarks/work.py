"""Decode and inference of one frame, with the system's own code: what all three ways have in common."""

import time
from dataclasses import dataclass
from typing import Final

from adapters.settings import InferenceSettings
from benchmarks.material import Material
from schemas.models import Configuration, ModelVersion, PinnedModel
from sparring.inspect import inspect
from sparring.model import image_settings
from workers.inference.allocator import keep_buffers
from workers.inference.images import decode_image, image_tensor
from workers.inference.steps import OnnxModel
from workers.inference.tensors import Arrays

THREADS: Final = 2
"""Inference threads of each way."""


@dataclass(frozen=True)
class Done:
    """One frame's outputs, and how long it took to make them."""

    outputs: Arrays
    decode_ns: int
    infer_ns: int


class Work:
    """A loaded model. Thread-safe. Sets the allocator of this process as a model process does."""

    def __init__(self, material: Material) -> None:
        keep_buffers()
        signature = inspect(material.model_file)
        content = material.model_file.read_bytes()
        model = ModelVersion(
            workspace="bench",
            name=material.model,
            version="1",
            sha256="",
            framework="onnx",
            file_name=material.model_file.name,
            size_bytes=len(content),
            created_at=0,
            inputs=signature.inputs,
            outputs=signature.outputs,
        )
        self._image = image_settings(material.image)
        self._input = signature.inputs[0]
        pinned = PinnedModel(model, Configuration("onnx", batch_config="single", image=self._image))
        self._model = OnnxModel(pinned, content, InferenceSettings())
        self._model.warm_up()

    def do(self, jpeg: bytes) -> Done:
        """Decode, run."""
        started_ns = time.perf_counter_ns()
        tensor = image_tensor(decode_image(jpeg, self._image), self._image, self._input)
        decoded_ns = time.perf_counter_ns()
        outputs = self._model.run({self._input.name: tensor})
        return Done(outputs, decoded_ns - started_ns, time.perf_counter_ns() - decoded_ns)
