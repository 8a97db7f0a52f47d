"""A video that is made here."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np


def write_video(path: Path, pictures: int) -> Path:
    """25 pictures a second of 64 times 48 pixels, each brighter than the one before."""
    return _written(path, "mp4v", (np.full((48, 64, 3), 20 * number, np.uint8) for number in range(pictures)))


def write_noise(path: Path, codec: str, pictures: int) -> Path:
    """As `write_video`, of some hundred kilobytes: what is cut off is more than a header."""
    random = np.random.default_rng(0)
    return _written(path, codec, (random.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(pictures)))


def _written(path: Path, codec: str, pictures: Iterable[np.ndarray]) -> Path:
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25, (64, 48))
    for picture in pictures:
        video.write(picture)
    video.release()
    return path
