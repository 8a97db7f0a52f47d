"""What an uploaded file is."""

from enum import StrEnum


class Framework(StrEnum):
    """ONNX: a model file. PYTHON: a file with one function `process(arrays) -> arrays`."""

    ONNX = "onnx"
    PYTHON = "python"
