"""The frameworks of uploaded model files."""

from enum import EnumType, StrEnum
from typing import TYPE_CHECKING, Any


class _Frameworks(EnumType):
    """For frameworks of the tutorial's SDK that `sparring` lacks, the AttributeError names those that it has."""

    if not TYPE_CHECKING:  # type checkers must still report unknown names

        def __getattr__(cls, name: str) -> Any:
            if name.isupper():
                raise AttributeError(
                    f"Framework has no {name}; expected Framework.ONNX: export the model to ONNX, or Framework.PYTHON: "
                    "a step with one function process(arrays)",
                    name=name,
                    obj=cls,
                )
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}", name=name, obj=cls)


class Framework(StrEnum, metaclass=_Frameworks):
    """ONNX: a model file. PYTHON: a file with one function `process(arrays) -> arrays`."""

    ONNX = "onnx"
    PYTHON = "python"

    @classmethod
    def _missing_(cls, value: object) -> "Framework":
        raise ValueError(f"value: {value!r}; expected one of {[str(one) for one in cls]}")
