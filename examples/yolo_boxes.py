"""A Python step: the raw head of YOLOv5, v8 or v11, as Ultralytics exports it, becomes boxes.

It runs in a model's process, after the detector, in hosts that were started with permission for Python steps. It stands
alone in its file because the file itself is what gets uploaded: it may import numpy, nothing else.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

CONFIDENCE_MIN = 0.25  # a box is kept
IOU_MAX = 0.45  # of two boxes of one class; above it the less confident one is dropped
BOXES_MAX = 300
_ROW_NMS = 6  # numbers of a box after NMS; a head has more boxes


def process(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    """Boxes of one picture, best first.

    Takes one array, float [1, n, 5 + classes] of v5: x, y of the centre, width and height in pixels of the model's
    input, objectness, a score for each class, n boxes; or [1, 4 + classes, n] of v8 and v11: the same without
    objectness, the other way round. The longer side is n. Gives `boxes`, float32 [4n], flat x1, y1, x2, y2 in pixels of
    the input; `classes`, int64 [n]; `confidences`, float32 [n]: objectness times score. ValueError for another shape.

    Each box has its best class; boxes of one class that overlap are thinned out greedily (NMS). Source: Ultralytics,
    `non_max_suppression` with multi_label off.
    """
    (head,) = arrays.values()
    if head.ndim != 3 or head.shape[0] != 1:
        raise ValueError(f"the head has shape {head.shape}; expected [1, n, 5 + classes] or [1, 4 + classes, n]")
    if head.shape[2] == _ROW_NMS and head.shape[1] <= BOXES_MAX:
        raise ValueError(f"the head has shape {head.shape}, as of a model with NMS inside: nms_boxes.py reads it")
    rows = np.asarray(head[0], np.float32)
    if rows.shape[0] < rows.shape[1]:
        rows = rows.T
        scores = rows[:, 4:]
    else:
        scores = rows[:, 5:] * rows[:, 4:5]
    if scores.shape[1] == 0:
        raise ValueError(f"the head has shape {head.shape}, which leaves no class")
    classes, confidences = scores.argmax(axis=1), scores.max(axis=1)
    found = np.flatnonzero(confidences > CONFIDENCE_MIN)
    found = found[np.argsort(-confidences[found], kind="stable")]
    centre, half = rows[found, :2], rows[found, 2:4] / 2
    boxes = np.concatenate((centre - half, centre + half), axis=1)
    kept = _apart(boxes, classes[found])[:BOXES_MAX]
    return {
        "boxes": boxes[kept].ravel(),
        "classes": classes[found][kept].astype(np.int64),
        "confidences": confidences[found][kept],
    }


def _apart(boxes: Floats, classes: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Which boxes stay, of [n, 4], best first: each drops those of its class behind it that overlap it too much."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    left, kept = np.arange(len(boxes)), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(boxes[left, 2:], boxes[best, 2:]) - np.maximum(boxes[left, :2], boxes[best, :2])
        shared = sides.clip(0).prod(axis=1)
        overlaps = shared > IOU_MAX * (areas[left] + areas[best] - shared)
        left = left[~(overlaps & (classes[left] == classes[best]))]
    return np.array(kept, np.intp)
