"""A Python step: the raw head of YOLOX, as its own `export_onnx` writes it, becomes boxes.

It runs in a model's process, after the detector, in hosts that were started with permission for Python steps. It stands
alone in its file because the file itself is what gets uploaded: it may import numpy, nothing else.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

INPUT_PX: tuple[int, int] | None = None  # width and height of the model's input; None: it is square
STRIDES = (8, 16, 32)  # pixels of the input per cell, of each grid
CONFIDENCE_MIN = 0.3  # a box is kept
IOU_MAX = 0.45  # of two boxes of one class; above it the less confident one is dropped
BOXES_MAX = 300


def process(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    """Boxes of one picture, best first.

    Takes one array, float [1, n, 5 + classes], a row for each cell of the grids, one grid for each of STRIDES: x, y of
    the centre in cells from its own, the logarithm of width and height in cells, objectness, a score for each class.
    Gives `boxes`, float32 [4n], flat x1, y1, x2, y2 in pixels of the input; `classes`, int64 [n]; `confidences`,
    float32 [n]: objectness times score. ValueError for another shape.

    Source: Megvii-BaseDetection/YOLOX, `demo_postprocess` and `multiclass_nms_class_agnostic`, but that boxes of
    different classes never drop each other.
    """
    (head,) = arrays.values()
    if head.ndim != 3 or head.shape[0] != 1 or head.shape[2] < 6:
        raise ValueError(f"the head has shape {head.shape}; expected [1, n, 5 + classes]")
    rows = np.asarray(head[0], np.float32)
    cells, strides = _grids(len(rows))
    scores = rows[:, 5:] * rows[:, 4:5]
    classes, confidences = scores.argmax(axis=1), scores.max(axis=1)
    found = np.flatnonzero(confidences > CONFIDENCE_MIN)
    found = found[np.argsort(-confidences[found], kind="stable")]
    centre = (rows[found, :2] + cells[found]) * strides[found]
    half = np.exp(rows[found, 2:4]) * strides[found] / 2
    boxes = np.concatenate((centre - half, centre + half), axis=1)
    kept = _apart(boxes, classes[found])[:BOXES_MAX]
    return {
        "boxes": boxes[kept].ravel(),
        "classes": classes[found][kept].astype(np.int64),
        "confidences": confidences[found][kept],
    }


def _grids(count: int) -> tuple[Floats, Floats]:
    """Column and row of each cell, [n, 2], and its stride, [n, 1]: row by row, grid by grid."""
    width, height = INPUT_PX or (_square(count), _square(count))
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack((columns, rows), axis=-1).reshape(-1, 2))
        strides.append(np.full((rows.size, 1), stride))
    if sum(map(len, cells)) != count:
        raise ValueError(f"the head has {count} rows; an input of {width} x {height} pixels has {sum(map(len, cells))}")
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _square(count: int) -> int:
    """The side of a square input with so many cells."""
    side = round((count / sum(stride**-2 for stride in STRIDES)) ** 0.5)
    return int(side - side % STRIDES[-1])


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
