"""The demo's two text detectors, Apache-2.0, as they lie in the wheels that carry them.

The wheels are boxes to us: their `.onnx` files are used, their code is never imported (it asks for a desktop OpenCV).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

_IN_WHEEL: Final = {
    "pp-ocrv4-det": ("rapidocr_onnxruntime", "rapidocr-onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx"),
    "pp-ocrv6-det": ("rapidocr", "rapidocr", "models/PP-OCRv6_det_small.onnx"),
}
MODEL_NAMES: Final = tuple(_IN_WHEEL)

PROBABILITY_OUTPUT: Final = {"pp-ocrv4-det": "sigmoid_0.tmp_0", "pp-ocrv6-det": "fetch_name_0"}

# From a frame to the detectors' input `x`, float32 [1, 3, 480, 640]: both wheels' own settings (`Det` in their config).
IMAGE_SETTINGS: Final[dict[str, dict[str, object]]] = {
    name: {
        "width": 640,
        "height": 480,
        "colour": "BGR",
        "scale": 1 / 255,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "layout": "CHW",
        "aspect": "stretch",
    }
    for name in MODEL_NAMES
}


def model_path(name: str) -> Path:
    """Where the `.onnx` file of one of MODEL_NAMES lies; FileNotFoundError, which names the wheel, without it."""
    package, distribution, inside = _IN_WHEEL[name]
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(folders[0], inside) if folders else None
    if path is None or not path.is_file():
        raise FileNotFoundError(f"model {name} needs the wheel {distribution} with the file {inside}; run `make setup`")
    return path
