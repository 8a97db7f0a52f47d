"""The models and the frames of a benchmark.

The shared material where it lies beside the project, else what the demo uses: a detector out of a
wheel with its Python step, frames of rendered shelves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from examples.demo import upload_detector, upload_text_boxes
from examples.shelf import render_shelf
from sparring import Client, ModelVersion

SHARED: Final = Path(__file__).resolve().parent.parent.parent / "shared"
FRAME_BYTES: Final = 100_000
"""Each photo is encoded with the quality that brings it nearest to this size."""

_SIZE: Final = (640, 480)
_SEEDS: Final = range(8)
_QUALITIES: Final = range(60, 100)


@dataclass(frozen=True)
class Material:
    """frames: JPEGs of 640x480 pixels. upload: gives the pipeline's models, in order. said: all that in words."""

    frames: tuple[bytes, ...]
    upload: Callable[[Client], list[ModelVersion]]
    said: str


def find_material() -> Material:
    """yolox-nano on photos where the shared material is there, else PP-OCRv4 on rendered shelves."""
    if SHARED.is_dir():
        photos = sorted(path for path in (SHARED / "frames").iterdir() if path.suffix in {".jpg", ".png"})
        encoded = [_photo(path) for path in photos]
        # A smooth photo stays small however well it is encoded.
        frames = tuple(jpeg for jpeg in encoded if abs(len(jpeg) - FRAME_BYTES) < FRAME_BYTES / 10)
        return Material(frames, _upload_shared, f"yolox-nano, {_described(frames)} of photos")
    frames = tuple(render_shelf(seed).jpeg() for seed in _SEEDS)
    return Material(frames, _upload_packaged, f"PP-OCRv4 and its step, {_described(frames)} of rendered shelves")


def _upload_shared(client: Client) -> list[ModelVersion]:
    model = client.upload_model("yolox-nano", SHARED / "models" / "yolox-nano.onnx")
    return [model.configure("onnx", batch_config="single")]


def _upload_packaged(client: Client) -> list[ModelVersion]:
    return [upload_detector(client, "pp-ocrv4-det"), upload_text_boxes(client)]


def _described(frames: tuple[bytes, ...]) -> str:
    sizes = [len(frame) / 1000 for frame in frames]
    return f"{len(frames)} JPEGs of {min(sizes):.0f} to {max(sizes):.0f} kB (640x480)"


def _photo(path: Path) -> bytes:
    picture = cv2.imread(str(path))
    if picture is None:
        raise ValueError(f"{path} is no picture that OpenCV reads")
    frame = cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA)
    encoded = (_jpeg(frame, quality) for quality in _QUALITIES)
    return min(encoded, key=lambda jpeg: abs(len(jpeg) - FRAME_BYTES))


def _jpeg(frame: npt.NDArray[np.integer[Any] | np.floating[Any]], quality: int) -> bytes:
    _ok, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()
