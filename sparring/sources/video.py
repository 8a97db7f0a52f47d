"""One video becomes JPEGs, decoded with OpenCV as it is read: a long one needs no more memory than a short one."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from schemas.errors import Refused

JPEG_QUALITY: Final = 90
"""Of 100."""


def jpegs_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """The video's pictures in their order, upright, as JPEGs of its own size, each with the time at which it is shown,
    milliseconds after the video's beginning; never less than the one before.

    Raises:
        Refused: OpenCV cannot open it, or finds no picture in it.
    """
    video = _opened(path)
    try:
        count = after_ms = 0
        while True:
            there, picture = video.read()
            if not there:
                break
            done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            if not done:
                raise _unreadable(path, f"picture {count} of it cannot be encoded as JPEG")
            count += 1
            after_ms = max(after_ms, round(video.get(cv2.CAP_PROP_POS_MSEC)))
            yield after_ms, jpeg.tobytes()
        if count == 0:
            raise _unreadable(path, "OpenCV finds no picture in it")
    finally:
        video.release()


def pictures_at(path: Path, numbers: Iterable[int]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Single pictures of a video, by their numbers from 0, in their order: uint8 RGB [height, width, 3].

    Those that the video does not have are left out. Raises Refused where OpenCV cannot open it.
    """
    wanted = set(numbers)
    video = _opened(path)
    try:
        if not video.isOpened():
            raise _unreadable(path, "OpenCV cannot open it")
        for number in range(max(wanted, default=-1) + 1):
            if not video.grab():
                return
            if number in wanted:
                there, picture = video.retrieve()
                if there:
                    yield number, np.ascontiguousarray(picture[..., ::-1])
    finally:
        video.release()


def _opened(path: Path) -> cv2.VideoCapture:
    """OpenCV and FFmpeg write lines of their own about a file that they cannot read: ours says it once.

    FFmpeg takes its level at the first video of a process: a program that opened one before keeps the lines.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    finally:
        cv2.utils.logging.setLogLevel(before)


def _unreadable(path: Path, why: str) -> Refused:
    return Refused("NotAnImage", f"by its name ({path.suffix}) it is a video, but {why}; is it whole?", "read")
