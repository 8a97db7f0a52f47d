"""A video that is made here."""

from pathlib import Path

import cv2
import numpy as np


def write_video(path: Path, pictures: int) -> Path:
    """25 pictures a second of 64 times 48 pixels, each brighter than the one before."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for number in range(pictures):
        video.write(np.full((48, 64, 3), 20 * number, np.uint8))
    video.release()
    return path
