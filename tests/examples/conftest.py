"""The two detectors, called directly: what the demo's models answer without any queue."""

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from adapters.onnx_runtime import onnxruntime
from examples.models import MODEL_NAMES, PROBABILITY_OUTPUT, model_path
from examples.text_boxes import process

Detect = Callable[[str, bytes], Mapping[str, npt.NDArray[Any]]]


@pytest.fixture(scope="session")
def detect() -> Detect:
    """`detect(model, jpeg)`: the boxes of one frame, as the step gives them."""
    sessions = {
        name: onnxruntime.InferenceSession(model_path(name), providers=["CPUExecutionProvider"]) for name in MODEL_NAMES
    }

    def run(name: str, jpeg: bytes) -> Mapping[str, npt.NDArray[Any]]:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        tensor = ((np.asarray(picture, np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]
        (probability,) = sessions[name].run([PROBABILITY_OUTPUT[name]], {"x": tensor})
        return process({"probability": probability})

    return run
