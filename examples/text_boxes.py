"""A Python step: a text detector's probability map becomes boxes.

It runs in a model's process, after the detector, in hosts that were started with permission for Python steps. It stands
alone in its file because the file itself is what gets uploaded: it may import numpy and OpenCV, nothing else.
"""

import cv2
import numpy as np
import numpy.typing as npt

PROBABILITY_MIN = 0.3  # a pixel of the map belongs to text
CONFIDENCE_MIN = 0.5  # a box is kept
SIDE_PX_MIN = 3.0  # of the core, before it grows
UNCLIP_RATIO = 1.6
TEXT = 0  # the only class


def process(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    """Boxes of text in one frame, best first.

    Takes `probability`, float32 [1, 1, H, W] in 0..1. Gives `boxes`, float32 [4n], flat x1, y1, x2, y2 in pixels of the
    map; `classes`, int64 [n], all 0 ("text"); `confidences`, float32 [n], the mean probability inside the box's core.
    A frame without text gives three empty arrays. ValueError for a map of another shape.

    The detectors are trained to mark a text's core, shrunk by D = A (1 - r^2) / L. A core of area A and perimeter L
    grows back by the offset D' = A * ratio / L. Source: Liao, Wan, Yao, Chen, Bai: Real-time Scene Text Detection with
    Differentiable Binarization, AAAI 2020, section 3.4. A core is taken as its smallest rectangle, at any angle.
    """
    probability = np.asarray(arrays["probability"], np.float32)
    if probability.ndim != 4 or probability.shape[:2] != (1, 1):
        raise ValueError(f"probability has shape {probability.shape}; expected [1, 1, H, W], one frame's map")
    plane = probability[0, 0]
    cores, _ = cv2.findContours((plane > PROBABILITY_MIN).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = [box for core in cores if (box := _box_of_core(core, plane)) is not None]
    found.sort(key=lambda box: -box[4])
    table = np.array(found, np.float32).reshape(-1, 5)
    return {
        "boxes": np.ascontiguousarray(table[:, :4]).ravel(),
        "classes": np.full(len(table), TEXT, np.int64),
        "confidences": np.ascontiguousarray(table[:, 4]),
    }


def _box_of_core(core: npt.NDArray[np.int32], plane: npt.NDArray[np.float32]) -> tuple[float, ...] | None:
    """x1, y1, x2, y2 and confidence of one core; None where it is too small or too unsure."""
    centre, (width, height), angle = cv2.minAreaRect(core)
    if min(width, height) < SIDE_PX_MIN:
        return None
    confidence = _mean_inside(core, plane)
    if confidence < CONFIDENCE_MIN:
        return None
    offset = width * height * UNCLIP_RATIO / (2 * (width + height))
    grown = cv2.boxPoints((centre, (width + 2 * offset, height + 2 * offset), angle))
    (x1, y1), (x2, y2) = grown.min(axis=0), grown.max(axis=0)
    rows, columns = plane.shape
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(columns)), min(y2, float(rows)), confidence


def _mean_inside(core: npt.NDArray[np.int32], plane: npt.NDArray[np.float32]) -> float:
    """Mean probability of the pixels that the core's outline encloses."""
    left, top, width, height = cv2.boundingRect(core)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [core - (left, top)], 1)
    return float(plane[top : top + height, left : left + width][inside > 0].mean(dtype=np.float64))
