"""The model and the frames of a benchmark, written into a folder that every process of it reads.

The shared material where it lies beside the project, else what the demo uses: a detector out of a
wheel, frames of a rendered shelf.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from examples.models import IMAGE_SETTINGS, model_path
from examples.shelf import render_shelf

SHARED: Final = Path(__file__).resolve().parent.parent.parent / "shared"
FRAME_BYTES: Final = 100_000
"""Each photo is encoded with the quality that brings it nearest to this size."""

_SIZE: Final = (640, 480)
_SEEDS: Final = range(8)
_QUALITIES: Final = range(60, 100)
_DESCRIPTION: Final = "material.json"


class _Description(msgspec.Struct, frozen=True):
    model: str
    model_file: str
    image: dict[str, object]
    said: str


@dataclass(frozen=True)
class Material:
    """model: its name in the system. image: its image settings, as `configure(image=...)` takes them.
    frames: JPEGs of 640x480 pixels. said: in words, for the report."""

    model: str
    model_file: Path
    image: dict[str, object]
    frames: tuple[bytes, ...]
    said: str

    def write(self, folder: Path) -> Path:
        """Copy everything into an empty folder; returns it."""
        folder.mkdir(parents=True)
        shutil.copyfile(self.model_file, folder / "model.onnx")
        description = _Description(self.model, "model.onnx", self.image, self.said)
        (folder / _DESCRIPTION).write_bytes(msgspec.json.encode(description))
        for number, frame in enumerate(self.frames):
            (folder / f"{number:03}.jpg").write_bytes(frame)
        return folder

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The inverse of `write`."""
        it = msgspec.json.decode((folder / _DESCRIPTION).read_bytes(), type=_Description)
        frames = tuple(path.read_bytes() for path in sorted(folder.glob("*.jpg")))
        return cls(it.model, folder / it.model_file, it.image, frames, it.said)


def find_material() -> Material:
    """yolox-nano on photos where the shared material is there, else PP-OCRv4 on rendered shelves."""
    if SHARED.is_dir():
        photos = sorted(path for path in (SHARED / "frames").iterdir() if path.suffix in {".jpg", ".png"})
        encoded = [_photo(path) for path in photos]
        # A smooth photo stays small however well it is encoded.
        frames = tuple(jpeg for jpeg in encoded if abs(len(jpeg) - FRAME_BYTES) < FRAME_BYTES / 10)
        said = f"yolox-nano, {_described(frames)} of photos"
        return Material("yolox-nano", SHARED / "models" / "yolox-nano.onnx", {}, frames, said)
    name = "pp-ocrv4-det"
    frames = tuple(render_shelf(seed).jpeg() for seed in _SEEDS)
    said = f"{name}, {_described(frames)} of rendered shelves"
    return Material(name, model_path(name), IMAGE_SETTINGS[name], frames, said)


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
