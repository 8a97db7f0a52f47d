"""What an uploaded file is."""

from enum import StrEnum


class Framework(StrEnum):
    """ONNX: a model file. PYTHON: a file with one function `process(arrays) -> arrays`."""

    ONNX = "onnx"
    PYTHON = "python"

    @classmethod
    def _missing_(cls, value: object) -> "Framework":
        raise ValueError(f"value: {value!r}; expected one of {[str(one) for one in cls]}")
